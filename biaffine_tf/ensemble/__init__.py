"""Makes ensembles: members, their opinions, and the rule that combines them.

`python -m biaffine_tf.ensemble` trains one; `inference.ensemble` predicts with
it, and `model_directory.ensemble` describes its directory.
"""
