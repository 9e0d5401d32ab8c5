"""Report on a grid of configs and seeds."""
