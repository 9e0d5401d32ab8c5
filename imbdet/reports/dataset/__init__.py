"""Report on a data set before training: its imbalance, the effect of resampling, suggestions."""
