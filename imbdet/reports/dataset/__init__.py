"""The report on a data set, before training: its imbalance, what resampling makes of it, what to do."""
