"""Teachers of distillation in pretraining, by --teacher_dir."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from biaffine_tf.commands.flag_types import FLAGS
from biaffine_tf.commands.text_flags import MASKING_FLAGS
from biaffine_tf.config import EncoderConfig, Objective, TokenizerKind
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import Source, TokenizerSettings
from biaffine_tf.encoders.checkpoints.names import WORD_EMBEDDINGS
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.teacher_tokens import TeacherTokenizer
from biaffine_tf.records.text_records import Records
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer

if TYPE_CHECKING:
    from biaffine_tf.pretraining.distillation import Teacher
    from biaffine_tf.pretraining.encoder_part import EncoderPart


@dataclasses.dataclass(frozen=True)
class TeacherSource:
    """A teacher that fits the records.

    Attributes:
        source: The encoder.
        config: Its config.
        pad_id: Id of its padding token.
        is_aligned: Whether it reads tokens of its own.
    """

    source: Source
    config: EncoderConfig
    pad_id: int
    is_aligned: bool

    def build(self, *, xla: bool) -> Teacher:
        """Builds the teacher and loads its weights."""
        from biaffine_tf.pretraining.distillation import Teacher

        teacher = Teacher(
            self.config, pad_id=self.pad_id, is_aligned=self.is_aligned, xla=xla
        )
        print(f"teacher: {self.source.path}: {teacher.load(self.source)}")
        return teacher

    def give_embeddings(self, teacher: Teacher, part: EncoderPart) -> None:
        """Starts the word embeddings of a random student from the teacher's.

        Where the vocabularies or the widths differ, does nothing.
        """
        if self.is_aligned:
            return
        mine = checkpoints.encoder_variables(teacher.encoder)[WORD_EMBEDDINGS]
        student = part.variables_by_name()[WORD_EMBEDDINGS]
        if mine.shape == student.shape:
            student.assign(mine)
            print("word embeddings: those of the teacher, of the same width")


def open_teacher(records: Records) -> TeacherSource | None:
    """Opens the teacher of a distillation; returns None without one.

    Args:
        records: Records of the text.

    Raises:
        ConfigError: If flags contradict each other, or the teacher cannot read
            the records.
    """
    if FLAGS.objective != Objective.DISTIL:
        if FLAGS.teacher_dir:
            raise ConfigError(
                "--teacher_dir is given, but only distillation has a teacher",
                remedy="leave it out, or give --objective=distil",
            )
        return None
    if not FLAGS.teacher_dir:
        raise ConfigError(
            "--teacher_dir is missing (the encoder to distil)",
            remedy="give it, or another --objective",
        )
    idle = [name for name in MASKING_FLAGS if FLAGS[name].present]
    if idle and not FLAGS.mlm_weight:
        raise ConfigError(
            f"--{idle[0]} is given, but the student reads the text without "
            "masks",
            remedy="leave it out, or give --mlm_weight",
        )
    source = checkpoints.open_source(FLAGS.teacher_dir)
    pad_id = _vocabulary(source).pad_id
    is_aligned = not has_tokenizer(
        source, records.tokenizer.to_config(), records.tokenizer.fingerprint
    )
    length = records.max_seq_length
    if is_aligned:
        length = _check_stored(source, records)
    config = source.require_config()
    if config.max_position_embeddings < length:
        raise ConfigError(
            f"{records.directory}: sequences of up to {length} tokens, but the "
            f"teacher {source.path} has {config.max_position_embeddings} "
            "positions",
            remedy="make the records with this --teacher_dir"
            if is_aligned
            else "make the records with a smaller --max_seq_length",
        )
    return TeacherSource(source, config, pad_id, is_aligned)


def _check_stored(source: Source, records: Records) -> int:
    """Checks that records hold a teacher's tokens; returns their number."""
    stored = records.teacher
    command = (
        f"biaffine-pretrain-data --teacher_dir={source.path} --overwrite and "
        "the other flags as before"
    )
    if stored is None:
        raise ConfigError(
            f"{records.directory}: made for another tokenizer than that of "
            f"the teacher {source.path}, and without its tokens",
            remedy=f"make the records again, by {command}",
        )
    if not has_tokenizer(source, stored.tokenizer, stored.fingerprint):
        raise ConfigError(
            f"{records.directory}: holds tokens of another teacher than "
            f"{source.path}, whose tokenizer differs",
            remedy="give that teacher, or make the records again, by "
            f"{command}",
        )
    return stored.max_seq_length


def has_tokenizer(
    source: Source, config: dict[str, Any], fingerprint: str
) -> bool:
    """Whether an encoder has a tokenizer; what it does not state may be so.

    Args:
        source: The encoder.
        config: Arguments of `make_tokenizer` but for the vocabulary.
        fingerprint: Fingerprint of the tokenizer.
    """
    vocabulary = _vocabulary(source)
    settings = source.tokenizer.or_else(TokenizerSettings(**config))
    is_subword = vocabulary.subwords is not None
    if (settings.kind == TokenizerKind.SUBWORD) != is_subword:
        return False
    assert settings.kind is not None
    made = make_tokenizer(
        settings.kind,
        vocabulary,
        do_lower_case=bool(settings.do_lower_case),
        strip_accents=settings.strip_accents,
        tokenize_chinese_chars=settings.tokenize_chinese_chars is not False,
    )
    return made.fingerprint == fingerprint


def choose_teacher_tokenizer(
    path: str, tokenizer: Tokenizer, texts: Iterable[str]
) -> TeacherTokenizer | None:
    """Chooses the tokenizer of a teacher for records.

    Args:
        path: Path of the teacher.
        tokenizer: Tokenizer of the records.
        texts: Texts, read only if they are needed.

    Returns:
        The tokenizer; None if it is that of the records.
    """
    source = checkpoints.open_source(path)
    if has_tokenizer(source, tokenizer.to_config(), tokenizer.fingerprint):
        print(
            f"{path}: has the tokenizer of the records, so that its tokens "
            "are not stored"
        )
        return None
    made, choices = checkpoints.choose_tokenizer(
        _vocabulary(source), source.tokenizer, stated_by=path, texts=texts
    )
    for choice in choices:
        print(f"chosen for the teacher: {choice}")
    positions = source.require_config().max_position_embeddings
    return TeacherTokenizer(made, positions - 2)


def _vocabulary(source: Source) -> Vocabulary:
    if source.vocabulary is None:
        raise ConfigError(
            f"{source.path}: no vocabulary of the teacher with it",
            remedy="put its vocab.txt or tokenizer.json there",
        )
    return source.vocabulary
