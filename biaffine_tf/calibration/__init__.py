"""Calibrated scores and the thresholds that candidates must exceed."""
