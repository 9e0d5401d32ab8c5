"""Reports on single methods: clusters and weights of DatasetEquity, mixed batches of MiPa."""
