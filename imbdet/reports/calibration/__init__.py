"""Reports of what calibrates a trained detector."""
