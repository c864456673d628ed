"""Training: from records to a model directory."""
