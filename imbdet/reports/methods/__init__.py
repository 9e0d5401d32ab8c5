"""Reports on single methods: DatasetEquity's clusters and weights, MiPa's mixed batches."""
