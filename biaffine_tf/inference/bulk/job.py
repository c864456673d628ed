"""A bulk job: its inputs, its folder, and the work that is missing."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from biaffine_tf import formats
from biaffine_tf.files import remove
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.inference.bulk import outcome
from biaffine_tf.inference.bulk.description import SUMMARY, Input, look_at
from biaffine_tf.inference.bulk.folder import BulkFolder, Shard, acquire
from biaffine_tf.inference.bulk.progress import Progress
from biaffine_tf.inference.bulk.reading import InputProblems, Reading
from biaffine_tf.inference.bulk.side_file import SideFile
from biaffine_tf.spans import Sentence

# Settings that may differ from one start of a job to the next: they say how
# much is computed at once, which may change the last digits of scores, and
# whether to stop at bad lines, but not which entities there are.
_FREE = ("batch_size", "xla", "threads", "on_bad_data")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    """What is written; the fields are named as the flags.

    Attributes:
        output_format: Of the predictions.
        output_score: Whether they hold scores.
        output_layers: CoNLL: tag columns.
        shard_size: Sentences of a shard.
    """

    output_format: formats.Format
    output_score: bool = False
    output_layers: int = 1
    shard_size: int = 10_000


@contextlib.contextmanager
def open_job(
    files: Sequence[str],
    output_dir: str,
    *,
    reading: formats.ReadOptions,
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
            A job that was begun before may have been begun with another
            batch size.

    Yields:
        The job.

    Raises:
        DataError: If a file cannot be read, or only once.
        ConfigError: If the folder cannot be written to, or is not this job's.
    """
    inputs = look_at(files)
    every = {**reading.identity, **vars(output), **settings}
    free = {name: every.pop(name) for name in _FREE if name in every}
    with acquire(
        output_dir,
        inputs,
        model=model,
        settings=every,
        suffix=output.output_format.suffix,
    ) as folder:
        yield BulkJob(inputs, folder, reading, output, free)


class BulkJob:
    """Files that are predicted into a folder; `open_job` makes it.

    Args:
        inputs: The files.
        folder: Where predictions go.
        reading: How to read the files.
        output: What is written.
        settings: Those that may be other ones when the job is gone on with.

    Attributes:
        has_run: Whether this process predicted any of it.
        sentences: How many.
        seconds: What that took.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        folder: BulkFolder,
        reading: formats.ReadOptions,
        output: Output,
        settings: Mapping[str, Any],
    ) -> None:
        self.has_run = False
        self.sentences = 0
        self.seconds = 0.0
        self._inputs = inputs
        self._folder = folder
        self._reading = reading
        self._output = output
        self._settings = json.loads(json.dumps(settings))

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
    def changed(self) -> list[str]:
        """Lines about shards that were no more what had been written."""
        return self._folder.changed

    @property
    def given_up(self) -> list[dict[str, Any]]:
        """Inputs that were not read, or not to their ends, as JSON values."""
        return outcome.given_up(self.shards, self._inputs)

    @property
    def bad_lines(self) -> str:
        """The folder of what could not be read."""
        return self._folder.bad_lines

    @property
    def problems(self) -> formats.Problems:
        """What was skipped or repaired in the shards that are done."""
        problems = formats.Problems()
        for shard in self.shards:
            problems.merge(shard.problems)
        return problems

    def run(
        self, predictor: BasePredictor | None, *, progress: bool = True
    ) -> None:
        """Writes all shards that are missing.

        Args:
            predictor: The model; None if the job is complete.
            progress: Whether to show a bar.

        Raises:
            DataError: If a file has changed or cannot be had any more; and at
                the first bad sentence, unless they are skipped.
        """
        if self.is_complete:
            self._summarize()
            return
        assert predictor is not None
        remove(os.path.join(self.path, SUMMARY))
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
        self._summarize()

    def _summarize(self) -> None:
        outcome.write_summary(
            os.path.join(self.path, SUMMARY),
            self.shards,
            self._inputs,
            self.problems,
        )

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
            for sentence in bar.predicted(found):
                entities += len(sentence.spans or ())
                yield sentence
            reading.check_unchanged()

        with contextlib.ExitStack() as stack:
            problems.side = SideFile(self._folder.bad_lines_path(name), stack)
            sentences = self._write(
                name, predicted(), problems, first_number=shard * size
            )
        self._folder.add(
            Shard(
                name=name,
                **self._folder.digests(name, has_bad=problems.side.lines > 0),
                input=number,
                number=shard,
                is_last=reading.at_end,
                sentences=sentences,
                entities=entities,
                windowed=predictor.windowed_sentences - windowed,
                cut=predictor.cut_sentences - cut,
                bad=problems.side.lines,
                problems=problems.to_json(),
                given_up=problems.given_up,
                settings=self._settings,
            )
        )
        problems.side = None

    def _write(
        self,
        name: str,
        sentences: Iterator[Sentence],
        problems: formats.Problems,
        *,
        first_number: int,
    ) -> int:
        """Writes the predictions of a shard; returns how many there are."""
        unwritten = formats.Problems()
        count = formats.write(
            self._folder.predictions_path(name),
            sentences,
            self._output.output_format,
            with_scores=self._output.output_score,
            with_lines=True,
            first_number=first_number,
            layers=self._output.output_layers,
            problems=unwritten,
        )
        # They name the sentence of the shard and nothing else.
        problems.merge(unwritten.to_json(), place=f"{name}: ")
        return count
