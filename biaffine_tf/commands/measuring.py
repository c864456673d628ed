"""Measures training data, and chooses the head from what is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from biaffine_tf.choices import Choice
from biaffine_tf.commands import flags
from biaffine_tf.commands.flags import FLAGS
from biaffine_tf.config import NESTED_SHARE, AnyEncoderConfig, EncoderConfig
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.summary import Statistics
from biaffine_tf.tokenization import Tokenizer
from biaffine_tf.tokenization.sizes import TokenSizes
from biaffine_tf.tokenization.unknown import UnknownTokens
from biaffine_tf.training import defaults


class Measured(NamedTuple):
    """Findings of a pass over the training data.

    Attributes:
        sizes: Lengths in tokens, of all that is trained on.
        unknown: Unknown characters.
        labels: Labels, sorted.
        is_nested: Whether many spans lie within others.
    """

    sizes: TokenSizes
    unknown: UnknownTokens
    labels: list[str]
    is_nested: bool


def measure(
    train: Corpus, further: Corpus | None, tokenizer: Tokenizer
) -> Measured:
    """Measures the training data in one pass; of others, only the sizes."""
    sizes, unknown = TokenSizes(), UnknownTokens(tokenizer)
    statistics = Statistics()
    for sentence in train.read():
        tokens = tokenizer.encode(sentence.text)
        sizes.add(sentence, tokens)
        unknown.add(sentence, tokens)
        statistics.add(sentence)
    for sentence in further.read() if further else ():
        sizes.add(sentence, tokenizer.encode(sentence.text))
    labels = sorted(statistics.labels)
    return Measured(sizes, unknown, labels, _are_nested(statistics))


def is_nested(train: Corpus) -> bool:
    """Returns whether many spans lie within others, after a pass."""
    statistics = Statistics()
    for sentence in train.read():
        statistics.add(sentence)
    return _are_nested(statistics)


def _are_nested(statistics: Statistics) -> bool:
    return statistics.overlaps.nested > NESTED_SHARE * statistics.spans


def choose_head(
    encoder: AnyEncoderConfig | None, is_nested: Callable[[], bool]
) -> Choice | None:
    """Chooses a tagger for an encoder that needs no pretraining.

    Args:
        encoder: Config of the encoder; None for one that is made for the run.
        is_nested: Function that returns whether many spans lie within others.

    Returns:
        None for a BERT encoder, and where flags or data need pairs.
    """
    if (
        isinstance(encoder, EncoderConfig)
        or flags.names_pairs()
        or (is_nested() if FLAGS.nested is None else FLAGS.nested)
    ):
        return None
    return Choice(
        "head",
        defaults.SCRATCH_HEAD,
        "no pretrained encoder and no nested spans: from random weights, a CRF "
        "learns faster",
    )
