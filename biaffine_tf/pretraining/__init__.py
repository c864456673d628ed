"""Continued pretraining of encoders on records of text.

`create_pretraining_data.py` writes a records directory, `run_pretraining.py`
trains an encoder on it.
"""
