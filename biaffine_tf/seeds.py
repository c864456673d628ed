"""Maps seeds from 0 below 2^63 to generators that take smaller ones."""

from __future__ import annotations

import hashlib

MAX_SEED = 2**63 - 1

# TensorFlow reduces its seeds modulo this number.
_MODULUS = 2**31 - 1
# Odd and large: neighbouring seeds do not share the order of any epoch.
_EPOCHS_APART = 1_000_003


def small_seed(seed: int) -> int:
    """Returns a seed of 31 bits, for TensorFlow and NumPy's legacy generator.

    Args:
        seed: Seed from 0 to `MAX_SEED`.

    Returns:
        The seed itself if it is below 2^31 - 1, else a hash of it from 1 to
        2^31 - 2.
    """
    return seed if seed < _MODULUS else _hashed(seed, "small")


def order_seed(seed: int) -> int:
    """Returns the seed of the order of epoch 0; add e for epoch e.

    TensorFlow combines it with the global seed, `small_seed`: two seeds that
    agree in one differ in the other.

    Args:
        seed: Seed from 0 to `MAX_SEED`.

    Returns:
        A number from 0 to 2^51.
    """
    if seed < _MODULUS:
        return seed * _EPOCHS_APART
    return _hashed(seed, "order")


def _hashed(seed: int, purpose: str) -> int:
    digest = hashlib.sha256(f"{purpose} {seed}".encode()).digest()
    return 1 + int.from_bytes(digest[:8]) % (_MODULUS - 1)
