"""Pairs of tokens, for every head that scores (first, last, label).

A head gives the function from a block of pairs to logits (`scorer.Pairs`);
loss, distillation, search, negative sampling, initial biases and the ONNX
outputs are the same for all of them.
"""
