"""Report on the results of trained detectors by class frequency."""
