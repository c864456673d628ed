"""Taggers as heads: softmax over the tags of each token, and CRF."""
