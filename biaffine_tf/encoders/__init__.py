"""BERT encoders: forward pass, checkpoints, embedding transfer."""
