"""Initializers of weights."""

from __future__ import annotations

from typing import Any


def copied(initializer: Any) -> Any:
    """Copies an initializer, or None.

    Two weights must not draw equal values from one seeded initializer.
    """
    if initializer is None:
        return None
    return type(initializer).from_config(initializer.get_config())
