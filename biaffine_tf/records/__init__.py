"""Training data: features, records, shards and batches."""
