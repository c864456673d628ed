"""Bulk jobs, which predict the missing shards of their inputs."""

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
from biaffine_tf.inference.bulk.description import (
    SUMMARY,
    Input,
    describe_inputs,
)
from biaffine_tf.inference.bulk.folder import BulkFolder, Shard, acquire
from biaffine_tf.inference.bulk.progress import Progress
from biaffine_tf.inference.bulk.reading import InputProblems, Reading
from biaffine_tf.inference.bulk.side_file import SideFile
from biaffine_tf.spans import Sentence

# Settings that may change between starts of a job: they affect the amount of
# work at once, which may change the last digits of scores, and whether to stop
# at bad lines, but not which entities are predicted.
_FREE = ("batch_size", "xla", "threads", "on_bad_data")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Output:
    """Settings of the output, with the names of their flags.

    Attributes:
        output_format: Format of the predictions.
        output_score: Whether to write scores.
        output_layers: Number of tag columns in CoNLL.
        shard_size: Number of sentences per shard.
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
    """Opens a new job, or one that was started before.

    Args:
        files: Paths of the inputs in order.
        output_dir: Output folder, locked against other processes.
        reading: Options for reading the files.
        output: Settings of the output.
        model: Fingerprints of the model's files, from
            `model_directory.model_fingerprints`.
        settings: All other settings that predictions depend on, by flag; JSON
            values. The batch size may differ from an earlier start.

    Yields:
        The job.

    Raises:
        DataError: If a file cannot be read, or only once.
        ConfigError: If the folder is not writable or not this job's.
    """
    inputs = describe_inputs(files)
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
    """Prediction of files into a folder; see `open_job`.

    Args:
        inputs: Inputs in order.
        folder: Output folder.
        reading: Options for reading the files.
        output: Settings of the output.
        settings: Settings that may change between starts of a job.

    Attributes:
        has_run: Whether this process predicted a part of it.
        sentences: Number of sentences that this process predicted.
        seconds: Seconds that this took.
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
        """Path of the output folder."""
        return self._folder.path

    @property
    def files(self) -> int:
        """Number of inputs."""
        return len(self._inputs)

    @property
    def is_complete(self) -> bool:
        """Whether no shard is missing."""
        return all(map(self._folder.has_all, range(len(self._inputs))))

    @property
    def shards(self) -> list[Shard]:
        """Finished shards in the order of the inputs."""
        return sorted(self._folder.shards, key=lambda shard: shard.key)

    @property
    def changed(self) -> list[str]:
        """Lines about shards whose files had changed."""
        return self._folder.changed

    @property
    def given_up(self) -> list[dict[str, Any]]:
        """Inputs not read, or not to their ends, as JSON values."""
        return outcome.given_up(self.shards, self._inputs)

    @property
    def bad_lines(self) -> str:
        """Path of the folder of unreadable lines."""
        return self._folder.bad_lines

    @property
    def problems(self) -> formats.Problems:
        """Skipped and repaired lines of the finished shards."""
        problems = formats.Problems()
        for shard in self.shards:
            problems.merge(shard.problems)
        return problems

    def run(
        self, predictor: BasePredictor | None, *, progress: bool = True
    ) -> None:
        """Writes all missing shards.

        Args:
            predictor: Predictor; None if the job is complete.
            progress: Whether to show a progress bar.

        Raises:
            DataError: If a file has changed or is gone; also at the first bad
                sentence, unless they are skipped.
        """
        if self.is_complete:
            self._summarize()
            return
        assert predictor is not None
        remove(os.path.join(self.path, SUMMARY))
        total = sum(file.size for file in self._inputs)
        with Progress(total, is_shown=progress) as bar:
            for number, file in enumerate(self._inputs):
                if self._folder.has_all(number):
                    bar.skip_file(file.size)
                else:
                    self._predict_input(number, predictor, bar)
                    bar.end_file(file.size)
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
        problems = InputProblems(predictor.check)
        size = self._output.shard_size
        with contextlib.closing(
            Reading(self._inputs[number], self._reading, problems)
        ) as reading:
            for shard in itertools.count():
                problems.clear()
                if self._folder.has_shard(number, shard):
                    bar.skip(reading.take(size), reading)
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
        name = self._folder.shard_name(self._inputs[number].path, number, shard)
        size, problems = self._output.shard_size, reading.problems
        entities = 0
        windowed, cut = predictor.windowed_sentences, predictor.cut_sentences

        def predicted() -> Iterator[Sentence]:
            nonlocal entities
            predictions = predictor.predict(
                bar.read(reading.take(size), reading)
            )
            for sentence in bar.predicted(predictions):
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
        """Writes the predictions of a shard; returns their number."""
        unwritten = formats.Problems()
        count = formats.write(
            self._folder.predictions_path(name),
            sentences,
            self._output.output_format,
            with_scores=self._output.output_score,
            with_lines=True,
            predicted=True,
            first_number=first_number,
            layers=self._output.output_layers,
            problems=unwritten,
        )
        # These problems name only the sentence within the shard.
        problems.merge(unwritten.to_json(), place=f"{name}: ")
        return count
