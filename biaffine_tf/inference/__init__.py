"""Prediction of entities in texts."""
