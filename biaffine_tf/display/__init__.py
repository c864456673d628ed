"""Alias of `biaffine_tf.reports.terminal`."""

from __future__ import annotations

from biaffine_tf.reports.terminal import (
    Palette,
    fold,
    render,
)

__all__ = [
    "Palette",
    "fold",
    "render",
]
