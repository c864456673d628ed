"""Settings of training that follow the encoder and the data.

The rules are fitted to runs of benchmarks/first_result.py; benchmarks/README.md
has the table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from biaffine_tf.choices import Choice
from biaffine_tf.data.widths import share_of_pairs
from biaffine_tf.tokenization.sizes import TokenSizes

# Peak learning rates: a power of the width of the layers.
_PRETRAINED_RATE, _PRETRAINED_POWER = 5e-5, 1.5  # at 768
_RANDOM_RATE = 5e-4  # at 256, inversely proportional to the width

# Sentences below which small batches pay: they make more updates an epoch.
_FEW_SENTENCES = 4000
_SMALL_BATCH, _BATCH = 16, 32

# Epochs at 1 000 sentences; fewer as the square root of the corpus grows.
_PRETRAINED_EPOCHS, _RANDOM_EPOCHS = 15, 40
_EPOCHS = (3, 60)

_WARMUP_STEPS = 100
_WARMUP_SHARE = 0.1  # at most

# Length that nearly all sentences should fit, in steps that suit the hardware.
_FITTING, _LENGTH_STEP, _SHORTEST, _LONGEST = 0.995, 64, 128, 512

# Widths that the training data lacks are found, too: up to so much wider.
_WIDTH_MARGIN = 1.25
# A bound is worth it if it leaves out so many pairs.
_PAIRS_WORTH_SAVING = 0.2


def choose_length(sizes: TokenSizes, *, positions: int) -> Choice:
    """Chooses the maximum number of tokens read at once.

    Args:
        sizes: Of the training data.
        positions: Positions that the encoder has.

    Returns:
        `max_seq_length`: what 99.5 % of the training sentences fit, in steps
        of 64, between 128 and 512 or the encoder's positions.
    """
    total = sum(sizes.lengths.values())
    seen, fitting = 0, 0
    for fitting in sorted(sizes.lengths):
        seen += sizes.lengths[fitting]
        if seen >= _FITTING * total:
            break
    length = _LENGTH_STEP * math.ceil((fitting + 2) / _LENGTH_STEP)
    length = min(max(length, _SHORTEST), _LONGEST, positions)
    longer = sum(n for k, n in sizes.lengths.items() if k > length - 2)
    reason = f"{longer} of {total} training sentences are longer"
    if length == positions:
        reason += "; the encoder has no more positions"
    return Choice("max_seq_length", length, reason)


def choose_span_width(sizes: TokenSizes, *, max_tokens: int) -> Choice:
    """Chooses the bound on the width of spans.

    Args:
        sizes: Of the training data.
        max_tokens: Maximum number of tokens of a window.

    Returns:
        `max_span_width`: a quarter more than the widest training span, if that
        leaves out at least 20 % of the pairs; else None.
    """
    widest = max(sizes.widths, default=1)
    bound = math.ceil(_WIDTH_MARGIN * widest)
    lengths: dict[int, int] = {}
    for length, count in sizes.lengths.items():
        length = min(length, max_tokens)
        lengths[length] = lengths.get(length, 0) + count
    share = share_of_pairs(lengths, bound) if lengths else 1.0
    reason = (
        f"the widest training span has {widest} tokens; "
        f"{100 * share:.0f} % of the pairs are within the bound"
    )
    if share > 1 - _PAIRS_WORTH_SAVING:
        return Choice("max_span_width", None, reason)
    return Choice("max_span_width", bound, reason)


def choose_schedule(
    given: Mapping[str, Any],
    *,
    hidden_size: int,
    is_pretrained: bool,
    sentences: int,
) -> list[Choice]:
    """Chooses learning rate, batch size, epochs and warm-up where not given.

    Args:
        given: Settings of `TrainingConfig` that are given, by name.
        hidden_size: Width of the encoder.
        is_pretrained: Whether its weights are loaded.
        sentences: Number of training sentences.

    Returns:
        A choice for each of `learning_rate`, `train_batch_size`,
        `num_train_epochs` and `warmup_proportion` that is not in `given`.
    """
    start = "a pretrained" if is_pretrained else "a random"
    encoder = f"{start} encoder of width {hidden_size}"
    choices = []
    if "learning_rate" not in given:
        rate = learning_rate(hidden_size, is_pretrained=is_pretrained)
        choices.append(Choice("learning_rate", rate, encoder))
    batch = given.get("train_batch_size")
    if batch is None:
        batch = _SMALL_BATCH if sentences < _FEW_SENTENCES else _BATCH
        if "token_budget" not in given:
            choices.append(
                Choice("train_batch_size", batch, f"{sentences} sentences")
            )
    epochs = given.get("num_train_epochs")
    if epochs is None:
        epochs = num_epochs(sentences, is_pretrained=is_pretrained)
        reason = f"{start} encoder and {sentences} sentences"
        choices.append(Choice("num_train_epochs", epochs, reason))
    if "warmup_proportion" not in given:
        steps = epochs * math.ceil(sentences / batch)
        share = round(min(_WARMUP_SHARE, _WARMUP_STEPS / steps), 4)
        reason = f"{round(share * steps)} of about {steps} steps"
        choices.append(Choice("warmup_proportion", share, reason))
    return choices


def learning_rate(hidden_size: int, *, is_pretrained: bool) -> float:
    """Peak learning rate of an encoder, two digits.

    Args:
        hidden_size: Width of its layers.
        is_pretrained: Whether its weights are loaded.
    """
    if is_pretrained:
        rate = _PRETRAINED_RATE * (768 / hidden_size) ** _PRETRAINED_POWER
    else:
        rate = _RANDOM_RATE * 256 / hidden_size
    return float(f"{rate:.1e}")


def num_epochs(sentences: int, *, is_pretrained: bool) -> int:
    """Passes over a corpus: fewer for a larger one.

    Args:
        sentences: Number of training sentences.
        is_pretrained: Whether the encoder's weights are loaded.
    """
    base = _PRETRAINED_EPOCHS if is_pretrained else _RANDOM_EPOCHS
    epochs = round(base * math.sqrt(1000 / max(sentences, 1)))
    return min(max(epochs, _EPOCHS[0]), _EPOCHS[1])
