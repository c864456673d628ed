"""What an exported model does before and behind the network, in the graph.

Everything here runs inside a `tf.function` and is saved with it: a SavedModel
made of it needs tensorflow and tensorflow-text, and no code of ours. Each
part is the twin of a part written in Python, and gives the same results.
"""
