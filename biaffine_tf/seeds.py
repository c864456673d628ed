"""Seeds from 0 below 2^63, for generators that take smaller ones."""

from __future__ import annotations

import hashlib

MAX_SEED = 2**63 - 1

# TensorFlow takes its seeds modulo this number.
_MODULUS = 2**31 - 1
# Odd and large: the epochs of neighbouring seeds are not each other's.
_EPOCHS_APART = 1_000_003


def small_seed(seed: int) -> int:
    """Seed for generators that take 31 bits: NumPy's legacy one, TensorFlow's.

    Args:
        seed: From 0 to `MAX_SEED`.

    Returns:
        The seed itself where it is below 2^31 - 1, else a hash of it from 1 to
        2^31 - 2.
    """
    return seed if seed < _MODULUS else _hashed(seed, "small")


def order_seed(seed: int) -> int:
    """Seed of the order of epoch 0; that of epoch e is larger by e.

    TensorFlow joins it with the global seed, `small_seed`: two seeds that
    share the one differ in the other.

    Args:
        seed: From 0 to `MAX_SEED`.

    Returns:
        A number from 0 to 2^51.
    """
    if seed < _MODULUS:
        return seed * _EPOCHS_APART
    return _hashed(seed, "order")


def _hashed(seed: int, purpose: str) -> int:
    digest = hashlib.sha256(f"{purpose} {seed}".encode()).digest()
    return 1 + int.from_bytes(digest[:8]) % (_MODULUS - 1)
