"""Continued pretraining: records of text without labels, and training on them.

`create_pretraining_data.py` writes a records directory, `run_pretraining.py`
trains an encoder on it.
"""
