"""Bulk jobs with a predictor of two lines, and what they write."""

import contextlib
import itertools
import os
import pathlib

from biaffine_tf import formats
from biaffine_tf.errors import DataError
from biaffine_tf.inference import bulk
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.spans import Span

AHEAD = 7
TOO_LONG = 60


class FakePredictor(BasePredictor):
    """Finds digits; scores depend on what is read together, as floats do.

    Attributes:
        seen: Texts that were predicted.
    """

    def __init__(self):
        super().__init__()
        self.seen = []

    def predict(self, sentences, **decoding):
        sentences = iter(sentences)
        while some := list(itertools.islice(sentences, AHEAD)):
            self.seen += [sentence.text for sentence in some]
            score = 1 / (1 + sum(len(sentence.text) for sentence in some))
            for sentence in some:
                yield sentence.replace_spans(
                    Span(at, at + 1, "digit", score)
                    for at, character in enumerate(sentence.text)
                    if character.isdigit()
                )

    def check(self, sentence):
        if len(sentence.text) > TOO_LONG:
            raise DataError(
                "too long", file=sentence.file, line=sentence.line, remedy="cut"
            )


@contextlib.contextmanager
def opened(files, out, *, settings=None, model=None, reading=None, **output):
    """A job over some files; `reading` as dict."""
    options = {"on_bad_data": "skip"} | (reading or {})
    with bulk.open_job(
        [str(file) for file in files],
        str(out),
        reading=formats.ReadOptions(**options),
        output=bulk.Output(
            **{
                "output_format": formats.Format.SPAN_JSONL,
                "output_score": True,
                "shard_size": 10,
            }
            | output
        ),
        model=model or {"weights": "abc"},
        settings=settings or {"decoder": "exact"},
    ) as job:
        yield job


def run(files, out, *, predictor=None, **options) -> bulk.BulkJob:
    """Does all that is missing of a job."""
    with opened(files, out, **options) as job:
        job.run(predictor or FakePredictor(), progress=False)
        assert job.is_complete
    return job


def tree(folder) -> dict[str, bytes]:
    """Every file and its content."""
    folder = pathlib.Path(folder)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def shards(folder) -> list[str]:
    """Names of the files of predictions, sorted."""
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_file())


def write_lines(path, count, *, first=0):
    """A text file of lines that differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(f"a{n} b{n * n}\n" for n in range(first, first + count))
    )
    return path
