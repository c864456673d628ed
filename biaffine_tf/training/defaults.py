"""Default settings of training, chosen from the encoder and the data.

The rules are fitted to runs of benchmarks/first_result.py; see the tables in
docs/results.md.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Mapping
from typing import Any

from biaffine_tf.choices import Choice
from biaffine_tf.config import (
    POINTER_HEADS,
    Activation,
    AnyEncoderConfig,
    BilstmConfig,
    EncoderConfig,
    Loss,
    TokenizerKind,
)
from biaffine_tf.records.widths import share_of_pairs
from biaffine_tf.tokenization.sizes import TokenSizes

# Peak learning rate: proportional to a power of the width of the layers.
_PRETRAINED_RATE, _PRETRAINED_POWER = 5e-5, 2  # at 768
_SUBWORD_FACTOR = 0.7  # of encoders that read words or parts of them
_RANDOM_RATE = 5e-4  # at 256, inversely proportional to the width
_BILSTM_RATE = 2e-3

# Head of flat entities on an encoder without pretraining.
SCRATCH_HEAD = "crf"

# Fewer sentences get smaller batches, for more updates per epoch. A pretrained
# encoder gains by them on a larger corpus, too: it is trained for few epochs.
_FEW_SENTENCES, _FEW_FOR_PRETRAINED = 4_000, 20_000
_SMALL_BATCH, _BATCH = 16, 32

# Epochs at 1 000 sentences, inversely proportional to the root of the number.
_PRETRAINED_EPOCHS, _RANDOM_EPOCHS = 15, 40
_MIN_EPOCHS, _MAX_EPOCHS = 3, 60

# Longer warm-up costs small corpora their first epoch without a gain.
_WARMUP_SHARE = 0.03

# Fraction of sentences to fit, and lengths that suit the hardware.
_FITTING, _LENGTH_STEP, _SHORTEST, _LONGEST = 0.995, 64, 128, 512

# Ratio to the widest training span, since others may be wider.
_WIDTH_MARGIN = 2
# Minimum fraction of pairs that a maximum width must exclude.
_PAIRS_WORTH_SAVING = 0.2


def choose_settings(
    given: Mapping[str, Any],
    sizes: TokenSizes,
    *,
    encoder: AnyEncoderConfig,
    tokenizer: TokenizerKind,
    is_pretrained: bool,
) -> list[Choice]:
    """Chooses the settings of a training run that are not given.

    Args:
        given: Given settings by the name of their flag.
        sizes: Token counts of the training data.
        encoder: Config of the encoder.
        tokenizer: Kind of the tokenizer.
        is_pretrained: Whether pretrained weights are loaded.

    Returns:
        A choice for each of `max_seq_length`, `max_span_width`,
        `learning_rate`, `train_batch_size` (unless `token_budget` is given),
        `num_train_epochs` and `warmup_proportion` that is not in `given`.
    """
    sentences = sum(sizes.lengths.values())
    choices = []

    def settle(choice: Callable[[], Choice], name: str) -> Any:
        if name not in given:
            choices.append(choice())
            return choices[-1].value
        return given[name]

    length = settle(
        lambda: choose_length(sizes, positions=encoder.positions),
        "max_seq_length",
    )
    settle(
        lambda: choose_span_width(sizes, max_tokens=length - 2),
        "max_span_width",
    )
    settle(
        lambda: choose_learning_rate(
            encoder.hidden_size,
            is_pretrained=is_pretrained,
            tokenizer=tokenizer,
            kind=encoder.KIND,
        ),
        "learning_rate",
    )
    if "token_budget" in given:
        positions = sum(n * (k + 2) for k, n in sizes.lengths.items())
        steps = positions / given["token_budget"]
    else:
        batch = settle(
            lambda: choose_batch_size(sentences, is_pretrained=is_pretrained),
            "train_batch_size",
        )
        steps = sentences / batch
    epochs = settle(
        lambda: choose_epochs(sentences, is_pretrained=is_pretrained),
        "num_train_epochs",
    )
    settle(
        lambda: choose_warmup(math.ceil(steps) * epochs), "warmup_proportion"
    )
    return choices


def choose_for_head(given: Mapping[str, Any], head: str) -> list[Choice]:
    """Chooses the settings of a head that are not given, but for biaffine.

    Args:
        given: Given settings by the name of their flag.
        head: Name of the head.

    Returns:
        A choice of `loss` and `projection_activation`, where not in `given` and
        another than the default.
    """
    choices = []
    if head in POINTER_HEADS:
        choices.append(
            Choice("loss", Loss.MULTI_LABEL, "the loss of pointer heads")
        )
    if head == "cnn":
        choices += [
            Choice("loss", Loss.BINARY, "the loss of CNN-NER"),
            Choice(
                "projection_activation",
                Activation.LEAKY_RELU,
                "the activation of CNN-NER",
            ),
        ]
    return [choice for choice in choices if choice.flag not in given]


def choose_length(sizes: TokenSizes, *, positions: int | None) -> Choice:
    """Chooses the maximum number of tokens per window.

    Args:
        sizes: Token counts of the training data.
        positions: Number of positions of the encoder; None for no limit.

    Returns:
        `max_seq_length`: multiple of 64 that fits 99.5 % of the training
        sentences, between 128 and 512 or the encoder's positions.
    """
    total = sum(sizes.lengths.values())
    seen, fitting = 0, 0
    for fitting in sorted(sizes.lengths):
        seen += sizes.lengths[fitting]
        if seen >= _FITTING * total:
            break
    length = _LENGTH_STEP * math.ceil((fitting + 2) / _LENGTH_STEP)
    length = min(max(length, _SHORTEST), _LONGEST, positions or _LONGEST)
    longer = sum(n for k, n in sizes.lengths.items() if k > length - 2)
    reason = f"{longer} of {total} training sentences are longer"
    if length == positions:
        reason += "; the encoder has no more positions"
    return Choice("max_seq_length", length, reason)


def choose_span_width(sizes: TokenSizes, *, max_tokens: int) -> Choice:
    """Chooses the maximum span width.

    Args:
        sizes: Token counts of the training data.
        max_tokens: Maximum number of tokens per window.

    Returns:
        `max_span_width`: twice the widest training span if that excludes at
        least 20 % of the pairs, else None.
    """
    widest = max(sizes.widths, default=1)
    bound = _WIDTH_MARGIN * widest
    lengths = collections.Counter[int]()
    for length, count in sizes.lengths.items():
        lengths[min(length, max_tokens)] += count
    # A --max_seq_length too short for a token is refused elsewhere.
    has_pairs = bool(lengths) and max_tokens > 0
    share = share_of_pairs(lengths, bound) if has_pairs else 1.0
    reason = (
        f"the widest training span has {widest} tokens; {100 * share:.0f} % of "
        f"the pairs are spans of up to {bound}"
    )
    worthwhile = share <= 1 - _PAIRS_WORTH_SAVING
    return Choice("max_span_width", bound if worthwhile else None, reason)


def choose_learning_rate(
    hidden_size: int,
    *,
    is_pretrained: bool,
    tokenizer: TokenizerKind,
    kind: str = EncoderConfig.KIND,
) -> Choice:
    """Chooses the peak learning rate.

    Args:
        hidden_size: Width of the encoder's layers.
        is_pretrained: Whether pretrained weights are loaded.
        tokenizer: Kind of the tokenizer.
        kind: Kind of the encoder.

    Returns:
        `learning_rate`, to two digits.
    """
    if kind == BilstmConfig.KIND and not is_pretrained:
        reason = f"BiLSTM of width {hidden_size} from random weights"
        return Choice("learning_rate", _BILSTM_RATE, reason)
    reason = f"{_encoder(is_pretrained)} of width {hidden_size}"
    if is_pretrained:
        rate = _PRETRAINED_RATE * (768 / hidden_size) ** _PRETRAINED_POWER
        reason += f", {tokenizer} tokens"
        if tokenizer is not TokenizerKind.CHAR:
            rate *= _SUBWORD_FACTOR
    else:
        rate = _RANDOM_RATE * 256 / hidden_size
    return Choice("learning_rate", float(f"{rate:.1e}"), reason)


def choose_batch_size(sentences: int, *, is_pretrained: bool) -> Choice:
    """Chooses the number of sentences per batch.

    Args:
        sentences: Number of training sentences.
        is_pretrained: Whether pretrained weights are loaded.

    Returns:
        `train_batch_size`.
    """
    few = _FEW_FOR_PRETRAINED if is_pretrained else _FEW_SENTENCES
    return Choice(
        "train_batch_size",
        _SMALL_BATCH if sentences < few else _BATCH,
        f"{_encoder(is_pretrained)}, {sentences} training sentences",
    )


def choose_epochs(sentences: int, *, is_pretrained: bool) -> Choice:
    """Chooses the number of epochs, fewer for a larger corpus.

    Args:
        sentences: Number of training sentences.
        is_pretrained: Whether pretrained weights are loaded.

    Returns:
        `num_train_epochs`.
    """
    base = _PRETRAINED_EPOCHS if is_pretrained else _RANDOM_EPOCHS
    epochs = round(base * math.sqrt(1000 / max(sentences, 1)))
    return Choice(
        "num_train_epochs",
        min(max(epochs, _MIN_EPOCHS), _MAX_EPOCHS),
        f"{_encoder(is_pretrained)}, {sentences} training sentences",
    )


def choose_warmup(steps: int) -> Choice:
    """Chooses the length of the warm-up.

    Args:
        steps: Approximate number of steps of the run.

    Returns:
        `warmup_proportion`.
    """
    reason = f"{round(_WARMUP_SHARE * steps)} of about {steps} steps"
    return Choice("warmup_proportion", _WARMUP_SHARE, reason)


def _encoder(is_pretrained: bool) -> str:
    return (
        f"{'pretrained' if is_pretrained else 'randomly initialized'} encoder"
    )
