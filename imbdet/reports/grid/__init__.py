"""The report on a grid of configs and seeds."""
