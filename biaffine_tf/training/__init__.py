"""A run from records to a model directory."""
