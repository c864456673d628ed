"""Records directories of text.

train-00000-of-00002.tfrecord ...      training sequences (`text_schema.py`)
held_out-00000-of-00001.tfrecord ...   held-out sequences
vocab.txt                              vocabulary of the tokenizer
info.json                              all else; written last, so that it marks
                                       the directory as complete
"""

from __future__ import annotations

import dataclasses
import enum
import os
from typing import Any

from biaffine_tf.config import DataConfig
from biaffine_tf.errors import BiaffineError, ConfigError
from biaffine_tf.json_files import find_problem, read_json, rename_keys
from biaffine_tf.records.teacher_tokens import StoredTeacher
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer

FORMAT_VERSION = 1
INFO = "info.json"
VOCABULARY = "vocab.txt"
MASK = "[MASK]"

_NOT_OURS = "give the --output_dir that records of text were made in"
_DAMAGED = "make the records again, with --overwrite"
_BY_SPLIT = {"train": {str: int}, "held_out": {str: int}}
_FORMER_COUNTS = {
    "pieces": "tokens",
    "unknown_pieces": "unknown_tokens",
    "dropped_pieces": "dropped_tokens",
}
_SHAPE = {
    "fingerprint": str,
    "made_from": {
        "settings": {str: object},
        "tokenizer": {"fingerprint": str},
    },
    "counts": {str: int},
    "problems": object,
    "lengths": _BY_SPLIT,
    "shards": _BY_SPLIT,
}


class Split(enum.StrEnum):
    """Purpose of records."""

    TRAIN = "train"
    HELD_OUT = "held_out"


@dataclasses.dataclass
class Counts:
    """Counts of a text, including all that is dropped.

    Attributes:
        documents: Documents read.
        held_out_documents: Documents that are held out from training.
        lines: Lines read that are not blank.
        empty_lines: Lines without any token.
        tokens: Tokens read.
        unknown_tokens: Tokens that are [UNK].
        dropped_sequences: Sequences dropped because they are too short.
        dropped_tokens: Tokens of dropped sequences.
        targets: Tokens, but dropped ones, that a teacher's token overlaps.
        repeated_targets: Those whose teacher's tokens are the ones of the
            token before.
    """

    documents: int = 0
    held_out_documents: int = 0
    lines: int = 0
    empty_lines: int = 0
    tokens: int = 0
    unknown_tokens: int = 0
    dropped_sequences: int = 0
    dropped_tokens: int = 0
    targets: int = 0
    repeated_targets: int = 0

    def add(self, other: Counts) -> None:
        """Adds the counts of another part of the text."""
        for field in dataclasses.fields(self):
            mine, theirs = (getattr(c, field.name) for c in (self, other))
            setattr(self, field.name, mine + theirs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Records:
    """A complete records directory.

    Attributes:
        directory: Path of the directory.
        fingerprint: SHA-256 of all that the records depend on.
        config: Settings of the records.
        tokenizer: Tokenizer of the text.
        counts: Counts of the text.
        problems: Problems that were skipped or repaired, by kind.
        lengths: Number of records by number of tokens without [CLS] and
            [SEP], of each split.
        shards: File names of each split, in order.
        teacher: Teacher whose tokens they hold too; None without.
        is_new: Whether they have just been created.
    """

    directory: str
    fingerprint: str
    config: DataConfig
    tokenizer: Tokenizer
    counts: Counts
    problems: dict[str, Any]
    lengths: dict[Split, dict[int, int]]
    shards: dict[Split, tuple[str, ...]]
    teacher: StoredTeacher | None = None
    is_new: bool = False

    @classmethod
    def open(cls, directory: str) -> Records:
        """Opens a records directory; reads no record.

        Raises:
            ConfigError: If the directory is no complete records directory.
        """
        info = read_info(directory)
        _check_version(directory, info)
        _check_shards(directory, info)
        try:
            return cls._from_info(directory, info)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"{os.path.join(directory, INFO)}: not of pretraining data "
                f"({error!r})",
                remedy=_DAMAGED,
            ) from error

    @classmethod
    def _from_info(cls, directory: str, info: dict[str, Any]) -> Records:
        teacher = info["made_from"].get("teacher")
        return cls(
            directory=directory,
            fingerprint=info["fingerprint"],
            config=read_settings(info),
            tokenizer=_read_tokenizer(directory, info),
            counts=Counts(**rename_keys(info["counts"], _FORMER_COUNTS)),
            problems=info["problems"],
            lengths={
                split: {int(k): v for k, v in info["lengths"][split].items()}
                for split in Split
            },
            shards={split: tuple(info["shards"][split]) for split in Split},
            teacher=StoredTeacher(**teacher) if teacher else None,
        )

    @property
    def max_seq_length(self) -> int:
        """Maximum number of tokens per sequence, with [CLS] and [SEP]."""
        return self.config.max_seq_length

    @property
    def pad_id(self) -> int:
        """Id of the padding token."""
        return self.tokenizer.pad_id

    def paths(self, split: Split) -> list[str]:
        """Returns the paths of the files of a split."""
        return [os.path.join(self.directory, n) for n in self.shards[split]]

    def num_records(self, split: Split) -> int:
        """Counts the records of a split."""
        return sum(self.lengths[split].values())

    @property
    def padding_share(self) -> float:
        """Fraction of padding if all records were padded to the longest."""
        lengths = [item for s in Split for item in self.lengths[s].items()]
        filled = sum((length + 2) * count for length, count in lengths)
        places = sum(count for _, count in lengths)
        return 1 - filled / (self.max_seq_length * places)

    @property
    def mask_id(self) -> int:
        """Id of [MASK]."""
        return self.tokenizer.vocabulary.id(MASK)

    @property
    def special_ids(self) -> tuple[int, ...]:
        """Ids of tokens that are never masked."""
        return special_ids(self.tokenizer.vocabulary)


def special_ids(vocabulary: Vocabulary) -> tuple[int, ...]:
    """Returns the ids of [PAD], [UNK], [CLS], [SEP] and [MASK]."""
    return (
        vocabulary.pad_id,
        vocabulary.unk_id,
        vocabulary.cls_id,
        vocabulary.sep_id,
        vocabulary.id(MASK),
    )


def read_info(directory: str) -> dict[str, Any]:
    """Reads `info.json`.

    Raises:
        ConfigError: If the file is missing or of something else.
    """
    path = os.path.join(directory, INFO)
    try:
        return read_json(
            path,
            {"made_from": {str: object}},
            what="of pretraining data",
            remedy=_NOT_OURS,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            f"{directory}: no complete pretraining data ({INFO}: "
            f"{error.strerror})",
            remedy=f"{_NOT_OURS}, once that has ended",
        ) from error


def _check_version(directory: str, info: dict[str, Any]) -> None:
    version = info["made_from"].get("format_version")
    if version != FORMAT_VERSION:
        raise ConfigError(
            f"{directory}: of format {version}, not {FORMAT_VERSION}",
            remedy=_DAMAGED,
        )
    problem = find_problem(info, _SHAPE)
    if problem is not None:
        path = os.path.join(directory, INFO)
        raise ConfigError(
            f"{path}: not of pretraining data ({problem})", remedy=_DAMAGED
        )


def _check_shards(directory: str, info: dict[str, Any]) -> None:
    for split in Split:
        for name, size in info["shards"][split].items():
            path = os.path.join(directory, name)
            stored = os.path.getsize(path) if os.path.isfile(path) else None
            if stored != size:
                state = "missing" if stored is None else f"{stored} bytes long"
                raise ConfigError(
                    f"{path}: {state}, not {size} bytes", remedy=_DAMAGED
                )


def read_settings(info: dict[str, Any]) -> DataConfig:
    """Reads the settings in `info.json`, of earlier versions too.

    Raises:
        KeyError: If there are none; likewise TypeError.
        ValueError: If they are no settings.
    """
    settings = info["made_from"]["settings"]
    try:
        return DataConfig.from_dict(
            {"masking": settings["masking"], **settings}
        )
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _read_tokenizer(directory: str, info: dict[str, Any]) -> Tokenizer:
    path = os.path.join(directory, VOCABULARY)
    stored = dict(info["made_from"]["tokenizer"])
    fingerprint = stored.pop("fingerprint")
    try:
        vocabulary = Vocabulary.from_file(path)
    except BiaffineError as error:
        raise ConfigError(
            f"{path}: {error.problem}", remedy=_DAMAGED
        ) from error
    tokenizer = make_tokenizer(vocabulary=vocabulary, **stored)
    if tokenizer.fingerprint != fingerprint:
        raise ConfigError(
            f"{path}: not the vocabulary that the records were made with",
            remedy=_DAMAGED,
        )
    return tokenizer
