"""Tags of a tagger: their order, and which may follow which (NumPy only).

Tag 0 is O, outside of all entities; the others are in blocks of one role, with
a tag for each label. Roles that begin an entity come first.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from typing import NamedTuple

import numpy as np

from biaffine_tf.config import Tags

# Score of what the scheme rules out: finite, so that no difference of two of
# them is undefined.
NEVER = -1e30
# Factor of the stored transitions. Adam moves a weight by at most about the
# learning rate in a step: at rates for encoders they would hardly leave zero.
SPEED = 100.0
# Logarithms of probabilities closer to 0 are rounding.
LARGEST_LOG = -1e-13
# Minimum margin of the spans of the most probable tag sequence.
LEAST_MARGIN = 1e-3
# Logarithm of the probability of what is no span.
LOWEST = -1e300


class Role(enum.IntEnum):
    """Place of a token in its entity."""

    OUTSIDE = 0
    BEGIN = 1
    INSIDE = 2
    END = 3
    SINGLE = 4


# Roles of the tags behind O, in order.
BLOCKS = {
    Tags.BIO: (Role.BEGIN, Role.INSIDE),
    Tags.BIOES: (Role.BEGIN, Role.SINGLE, Role.INSIDE, Role.END),
}
_OPENING = (Role.BEGIN, Role.SINGLE)


class Parts(NamedTuple):
    """Tags of the parts of an entity, by label, int `[K]` each.

    Attributes:
        single: Of an entity of one token.
        first: Of the first token of a wider one.
        inside: Of the tokens between.
        last: Of the last token.
    """

    single: np.ndarray
    first: np.ndarray
    inside: np.ndarray
    last: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class TagSet:
    """The tags of a scheme for some labels.

    Attributes:
        roles: Role of each tag, int32 `[T]`.
        labels: Label id of each tag, 0 for O, int32 `[T]`.
    """

    roles: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, scheme: Tags, num_labels: int) -> TagSet:
        """Returns the tags of a scheme for K labels, without "none"."""
        blocks = np.array(BLOCKS[scheme], np.int32)
        each = np.arange(1, num_labels + 1, dtype=np.int32)
        outside = np.zeros(1, np.int32)
        return cls(
            np.append(outside, np.repeat(blocks, num_labels)),
            np.append(outside, np.tile(each, len(blocks))),
        )

    @classmethod
    def of_size(cls, scheme: Tags, num_tags: int) -> TagSet:
        """Returns the tags of a scheme that has T of them."""
        return cls.of(scheme, (num_tags - 1) // len(BLOCKS[scheme]))

    def __len__(self) -> int:
        """T, the number of tags."""
        return len(self.roles)

    @property
    def num_labels(self) -> int:
        """K, the number of labels."""
        return int(self.labels.max())

    @property
    def num_free(self) -> int:
        """Number of tags that need no entity before them; they come first."""
        return 1 + int(np.isin(self.roles, _OPENING).sum())

    @functools.cached_property
    def parts(self) -> Parts:
        """Tags of the parts of entities."""
        has_ends = Role.END in self.roles

        def block(role: Role) -> np.ndarray:
            return np.flatnonzero(self.roles == role)

        return Parts(
            block(Role.SINGLE if has_ends else Role.BEGIN),
            block(Role.BEGIN),
            block(Role.INSIDE),
            block(Role.END if has_ends else Role.INSIDE),
        )

    @functools.cached_property
    def rules(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """0 for what the scheme allows, `NEVER` for the rest, float32.

        Returns:
            Pairs of a tag and the next one, `[T, T]`; the first tag of a
            sentence, `[T]`; its last tag, `[T]`.
        """
        is_free = np.arange(len(self)) < self.num_free
        unfinished = np.isin(self.roles, [Role.BEGIN, Role.INSIDE])
        # In BIO, an entity may end with any of its tags.
        is_open = unfinished & (Role.END in self.roles)
        follows = unfinished[:, None] & ~is_free
        follows &= self.labels[:, None] == self.labels
        allowed = follows | (~is_open[:, None] & is_free)
        return (
            _score(allowed),
            _score(is_free),
            _score(~is_open),
        )

    def spans(self, tags: np.ndarray) -> tuple[np.ndarray, ...]:
        """Finds the entities of tags that the scheme allows.

        Args:
            tags: int `[B, L]`; 0 for padding.

        Returns:
            Sentence, first token, last token and label of each, in order.
        """
        continues = np.pad(tags, [[0, 0], [0, 1]])[:, 1:] >= self.num_free
        is_first = (tags > 0) & (tags < self.num_free)
        is_last = (tags > 0) & ~continues
        sentences, first = np.nonzero(is_first)
        _, last = np.nonzero(is_last)
        return sentences, first, last, self.labels[tags[sentences, first]]


def _score(allowed: np.ndarray) -> np.ndarray:
    return np.where(allowed, 0, NEVER).astype(np.float32)
