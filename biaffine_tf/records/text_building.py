"""Creates records directories from text files."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from biaffine_tf.config import DataConfig
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.files import fingerprint
from biaffine_tf.parallel import in_order
from biaffine_tf.records import publishing
from biaffine_tf.records.teacher_tokens import (
    StoredTeacher,
    TeacherTokenizer,
)
from biaffine_tf.records.text_records import (
    FORMAT_VERSION,
    MASK,
    Counts,
    Records,
    Split,
)
from biaffine_tf.records.text_words import segmenter_version
from biaffine_tf.records.texts import Corpus, check_files, find_files
from biaffine_tf.tokenization import Tokenizer

# Fewer bytes are not worth the start of a second process.
_BYTES_WORTH_PROCESSES = 8 << 20

_MIN_TARGETS = 0.5  # of the tokens have a teacher's token
_MAX_REPEATED = 0.5  # of these have only that of the token before


@dataclasses.dataclass
class _Written:
    shards: dict[Split, list[str]]
    lengths: dict[Split, collections.Counter[int]]
    counts: Counts


def create_records(
    patterns: Sequence[str],
    output_dir: str,
    tokenizer: Tokenizer,
    config: DataConfig,
    *,
    teacher: TeacherTokenizer | None = None,
    processes: int = 0,
    overwrite: bool = False,
    progress: bool = True,
) -> Records:
    """Opens the records of texts in a directory, or creates them.

    Args:
        patterns: Paths and globs of text files, plain or compressed.
        output_dir: Path of the directory, which may be missing.
        tokenizer: Tokenizer of the text.
        config: Settings of the records.
        teacher: Teacher whose tokens to store beside those of the tokenizer.
        processes: Number of processes; 0 to choose by the size of the text.
            It does not affect the records.
        overwrite: Whether to replace other records.
        progress: Whether to show a progress bar.

    Returns:
        The records.

    Raises:
        DataError: If a text cannot be read, or there is none.
        ConfigError: If the directory is not writable or not of records, the
            settings leave no training data, or the tokens of the teacher
            leave too little to learn.
    """
    segmenter = segmenter_version(config.words)
    if MASK not in tokenizer.vocabulary:
        raise ConfigError(
            f"the vocabulary has no {MASK}",
            remedy="give the vocab.txt of an encoder that was pretrained with "
            "masks",
        )
    publishing.check(output_dir)
    files = find_files(patterns)
    check_files(files, config.document)
    made_from = _made_from(files, tokenizer, config, segmenter, teacher)
    existing = publishing.find(output_dir, made_from, overwrite=overwrite)
    if existing is not None:
        return existing
    with publishing.unfinished(output_dir) as folder:
        corpus = Corpus(files, config)
        written = _write(
            corpus,
            folder,
            tokenizer,
            config,
            teacher=teacher,
            processes=processes or _default_processes(files),
            num_bytes=_size(files),
            progress=progress,
        )
        _check_not_empty(written, files)
        if teacher is not None:
            check_targets(written.counts)
        info = _info(made_from, files, corpus, written)
        publishing.publish(
            output_dir, written.shards, tokenizer.vocabulary, info
        )
    return dataclasses.replace(Records.open(output_dir), is_new=True)


def _made_from(
    files: Sequence[str],
    tokenizer: Tokenizer,
    config: DataConfig,
    segmenter: str | None,
    teacher: TeacherTokenizer | None,
) -> dict[str, Any]:
    """Describes all that the records depend on, as JSON values."""
    made_from = {
        "format_version": FORMAT_VERSION,
        "input_file": [fingerprint(file) for file in files],
        "tokenizer": tokenizer.to_config()
        | {"fingerprint": tokenizer.fingerprint},
        "segmenter": segmenter,
        "settings": config.to_dict(),
    }
    if teacher is not None:
        made_from["teacher"] = dataclasses.asdict(StoredTeacher.of(teacher))
    return made_from


def _write(
    corpus: Corpus,
    folder: str,
    tokenizer: Tokenizer,
    config: DataConfig,
    *,
    teacher: TeacherTokenizer | None,
    processes: int,
    num_bytes: int,
    progress: bool,
) -> _Written:
    """Writes all shards, and counts their contents."""
    # Loads TensorFlow, so only after all checks.
    from biaffine_tf.records.text_examples import make_examples
    from biaffine_tf.records.text_shards import ShardWriter

    work = functools.partial(
        make_examples, tokenizer=tokenizer, config=config, teacher=teacher
    )
    lengths = {split: collections.Counter[int]() for split in Split}
    counts = Counts()
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(
            tqdm(
                desc="reading",
                total=num_bytes,
                unit="B",
                unit_scale=True,
                disable=not progress,
            )
        )
        writers = {
            split: stack.enter_context(
                ShardWriter(
                    os.path.join(folder, split), config.shard_megabytes << 20
                )
            )
            for split in Split
        }
        for examples in in_order(
            work, corpus.chunks(), processes, flag="--processes"
        ):
            for split, writer in writers.items():
                for record in examples.records[split]:
                    writer.write(record)
                lengths[split].update(examples.lengths[split])
            counts.add(examples.counts)
            sequences = sum(lengths[split].total() for split in Split)
            bar.set_postfix(sequences=sequences, refresh=False)
            bar.update(corpus.bytes_read - bar.n)
    counts.documents = corpus.documents
    counts.held_out_documents = corpus.held_out_documents
    counts.lines = corpus.lines
    paths = {split: writer.paths for split, writer in writers.items()}
    return _Written(paths, lengths, counts)


def _check_not_empty(written: _Written, files: Sequence[str]) -> None:
    counts = written.counts
    if not counts.tokens:
        others = f" and {len(files) - 1} others" if len(files) > 1 else ""
        raise DataError(
            f"there is no text in it{others}",
            file=files[0],
            remedy="give files that hold text, a sentence or paragraph a line",
        )
    if not written.lengths[Split.TRAIN]:
        raise ConfigError(
            f"nothing is left to train on: of {counts.documents} documents "
            f"{counts.held_out_documents} are held out, and "
            f"{counts.dropped_sequences} sequences are too short",
            remedy="give more text, a smaller --held_out or --min_tokens, or "
            "another --document",
        )


def check_targets(counts: Counts) -> None:
    """Checks that the teacher's tokens leave enough to learn.

    Raises:
        ConfigError: If they do not.
    """
    kept = counts.tokens - counts.dropped_tokens
    share = counts.targets / kept
    if share < _MIN_TARGETS:
        raise ConfigError(
            f"only {share:.1%} of the tokens overlap one of the teacher's, "
            f"and at least {_MIN_TARGETS:.0%} have to",
            remedy="give another --teacher_dir or vocabulary",
        )
    repeated = counts.repeated_targets / counts.targets
    if repeated > _MAX_REPEATED:
        raise ConfigError(
            f"{repeated:.1%} of the tokens lie in the same token of the "
            f"teacher as the one before, and at most {_MAX_REPEATED:.0%} may: "
            "little would be left to learn",
            remedy="give another --teacher_dir, or a vocabulary of larger "
            "tokens",
        )


def _info(
    made_from: dict[str, Any],
    files: Sequence[str],
    corpus: Corpus,
    written: _Written,
) -> dict[str, Any]:
    text = json.dumps(made_from, sort_keys=True)
    return {
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
        "made_from": made_from,
        "files": [os.path.basename(file) for file in files],
        "counts": dataclasses.asdict(written.counts),
        "problems": corpus.problems.to_json(),
        "lengths": {
            split: {str(k): v for k, v in sorted(lengths.items())}
            for split, lengths in written.lengths.items()
        },
    }


def _default_processes(files: Sequence[str]) -> int:
    if _size(files) < _BYTES_WORTH_PROCESSES:
        return 1
    return min(os.cpu_count() or 1, 8)


def _size(files: Sequence[str]) -> int:
    return sum(os.path.getsize(file) for file in files)
