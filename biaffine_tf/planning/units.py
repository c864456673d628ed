"""Numbers, bytes and seconds as a person reads them."""

from __future__ import annotations

Rows = list[tuple[str, str]]


def format_bytes(number: int | None) -> str:
    """Formats bytes as MiB, or GiB from 1 GiB on."""
    if number is None:
        return "unknown"
    if number < 1 << 30:
        return f"{number / (1 << 20):.1f} MiB"
    return f"{number / (1 << 30):.2f} GiB"


def format_seconds(seconds: float) -> str:
    """Formats seconds as s, as min from 2 min on, or as h from 2 h on."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def count(number: int) -> str:
    """Formats a number with spaces between thousands."""
    return f"{number:,}".replace(",", " ")
