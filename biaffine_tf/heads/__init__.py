"""The encoder, the biaffine layer and the model they make."""
