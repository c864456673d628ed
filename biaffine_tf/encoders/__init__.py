"""Encoders: the forward pass of BERT, and their checkpoints."""
