"""From sentences to batches: features, records, pipeline."""
