"""The report on results of detectors, after training, by class frequency."""
