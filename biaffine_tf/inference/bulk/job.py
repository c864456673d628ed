"""A bulk job: its inputs, its folder, and the work that is missing."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from biaffine_tf import readers
from biaffine_tf.errors import DataError
from biaffine_tf.files import fingerprint
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.inference.bulk.description import Input
from biaffine_tf.inference.bulk.folder import BulkFolder, Shard, claim
from biaffine_tf.inference.bulk.progress import Progress
from biaffine_tf.inference.bulk.reading import InputProblems, Reading
from biaffine_tf.inference.bulk.side_file import SideFile
from biaffine_tf.spans import Sentence

_SUFFIXES = {
    readers.Format.CLUENER: ".json",
    readers.Format.CONLL: ".conll",
    readers.Format.SPAN_JSONL: ".jsonl",
    readers.Format.TEXT: ".txt",
}
_LONG_WAIT = 3  # seconds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    """What is written; the fields are named as the flags.

    Attributes:
        output_format: Of the predictions.
        output_score: Whether they hold scores.
        output_layers: CoNLL: tag columns.
        shard_size: Sentences of a shard.
    """

    output_format: readers.Format
    output_score: bool = False
    output_layers: int = 1
    shard_size: int = 10_000


@contextlib.contextmanager
def open_job(
    files: Sequence[str],
    output_dir: str,
    *,
    reading: readers.ReadOptions,
    output: Output,
    model: Mapping[str, str],
    settings: Mapping[str, Any],
) -> Iterator[BulkJob]:
    """A job, new or begun before.

    Args:
        files: The inputs, in this order.
        output_dir: The folder it writes; other processes are kept out of it.
        reading: How to read the files.
        output: What is written.
        model: Fingerprints of the model's files; see
            `model_directory.model_fingerprints`.
        settings: All else that predictions depend on, by flag; JSON values.

    Yields:
        The job.

    Raises:
        DataError: If a file cannot be read, or only once.
        ConfigError: If the folder cannot be written to, or is not this job's.
    """
    inputs = _look_at(files)
    with claim(
        output_dir,
        inputs,
        model=model,
        settings={
            **reading.identity,
            **dataclasses.asdict(output),
            **settings,
        },
        suffix=_SUFFIXES[output.output_format],
    ) as folder:
        yield BulkJob(inputs, folder, reading, output)


class BulkJob:
    """Files that are predicted into a folder; `open_job` makes it.

    Args:
        inputs: The files.
        folder: Where predictions go.
        reading: How to read the files.
        output: What is written.

    Attributes:
        has_run: Whether this process predicted any of it.
        sentences: How many.
        seconds: What that took.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        folder: BulkFolder,
        reading: readers.ReadOptions,
        output: Output,
    ) -> None:
        self.has_run = False
        self.sentences = 0
        self.seconds = 0.0
        self._inputs = inputs
        self._folder = folder
        self._reading = reading
        self._output = output

    @property
    def path(self) -> str:
        """The folder that it writes."""
        return self._folder.path

    @property
    def files(self) -> int:
        """Number of inputs."""
        return len(self._inputs)

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing left to do."""
        return all(map(self._folder.has_all, range(len(self._inputs))))

    @property
    def shards(self) -> list[Shard]:
        """What is done, in the order of the inputs."""
        return sorted(self._folder.shards, key=lambda one: one.key)

    @property
    def bad_lines(self) -> str:
        """The folder of what could not be read."""
        return self._folder.bad_lines

    @property
    def problems(self) -> readers.Problems:
        """What was skipped or repaired in the shards that are done."""
        problems = readers.Problems()
        for shard in self.shards:
            problems.merge(shard.problems)
        return problems

    def run(self, predictor: BasePredictor, *, progress: bool = True) -> None:
        """Writes all shards that are missing.

        Args:
            predictor: The model.
            progress: Whether to show a bar.

        Raises:
            DataError: If a file has changed or cannot be had any more; and at
                the first bad sentence, unless they are skipped.
        """
        if self.is_complete:
            return
        total = sum(one.size for one in self._inputs)
        with Progress(total, is_shown=progress) as bar:
            for number, one in enumerate(self._inputs):
                if self._folder.has_all(number):
                    bar.pass_over_file(one.size)
                else:
                    self._predict_input(number, predictor, bar)
                    bar.end_file(one.size)
            self.sentences, self.seconds = bar.sentences, bar.seconds
        self.has_run = True

    def _predict_input(
        self, number: int, predictor: BasePredictor, bar: Progress
    ) -> None:
        """Writes the missing shards of a file."""
        problems = InputProblems(predictor.check)
        size = self._output.shard_size
        with contextlib.closing(
            Reading(self._inputs[number], self._reading, problems)
        ) as reading:
            for shard in itertools.count():
                problems.clear()
                if self._folder.has_shard(number, shard):
                    bar.pass_over(reading.take(size), reading)
                else:
                    self._predict_shard(number, shard, predictor, reading, bar)
                if reading.at_end:
                    break

    def _predict_shard(
        self,
        number: int,
        shard: int,
        predictor: BasePredictor,
        reading: Reading,
        bar: Progress,
    ) -> None:
        """Predicts and writes the next sentences of a file."""
        name = self._folder.shard_name(self._inputs[number].path, number, shard)
        size, problems = self._output.shard_size, reading.problems
        entities = 0
        windowed, cut = predictor.windowed_sentences, predictor.cut_sentences

        def predicted() -> Iterator[Sentence]:
            nonlocal entities
            found = predictor.predict(bar.read(reading.take(size), reading))
            for position, sentence in enumerate(
                bar.predicted(found), shard * size
            ):
                entities += len(sentence.spans or ())
                yield self._numbered(sentence, position)
            reading.check_unchanged()

        with contextlib.ExitStack() as stack:
            problems.side = SideFile(self._folder.bad_lines_path(name), stack)
            sentences = self._write(name, predicted(), problems)
        self._folder.add(
            Shard(
                name=name,
                input=number,
                number=shard,
                is_last=reading.at_end,
                sentences=sentences,
                entities=entities,
                windowed=predictor.windowed_sentences - windowed,
                cut=predictor.cut_sentences - cut,
                bad=problems.side.lines,
                problems=problems.to_json(),
            )
        )
        problems.side = None

    def _write(
        self,
        name: str,
        sentences: Iterator[Sentence],
        problems: readers.Problems,
    ) -> int:
        """Writes the predictions of a shard; returns how many there are."""
        unwritten = readers.Problems()
        count = readers.write(
            self._folder.predictions_path(name),
            sentences,
            self._output.output_format,
            with_scores=self._output.output_score,
            layers=self._output.output_layers,
            problems=unwritten,
        )
        # They name the sentence of the shard and nothing else.
        problems.merge(unwritten.to_json(), place=f"{name}: ")
        return count

    def _numbered(self, sentence: Sentence, position: int) -> Sentence:
        """CLUENER's numbers are those of the file, not those of the shard."""
        if (
            sentence.id is None
            and self._output.output_format is readers.Format.CLUENER
        ):
            return dataclasses.replace(sentence, id=str(position))
        return sentence


def _look_at(files: Sequence[str]) -> list[Input]:
    """The files as they are now."""
    bar = tqdm(files, desc="looking at the inputs", delay=_LONG_WAIT)
    return [_look_at_file(path) for path in bar]


def _look_at_file(path: str) -> Input:
    try:
        state = os.stat(path)
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})",
            file=path,
            remedy="give the path of a file that exists",
        ) from error
    return Input(
        path=path,
        size=state.st_size,
        modified=state.st_mtime_ns,
        sha256=fingerprint(path),
    )
