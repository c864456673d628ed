"""Export: pre- and postprocessing in the graph, SavedModels and ONNX models.

The graph parts run inside a `tf.function` and are saved with it: a SavedModel
needs tensorflow and tensorflow-text, and no code of ours. Each one is the twin
of a part written in Python, and gives the same results.
"""
