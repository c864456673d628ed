"""Labels of files that do not label all of them.

Where a file does not label a type, the absence of its spans says nothing: it is
no negative in training, and no false positive in scores.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence

from biaffine_tf.errors import ConfigError
from biaffine_tf.formats.inputs import find_files, split_patterns
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence

AUTO = "auto"
_REMEDY = "give --labels_of=FILE:LABEL,LABEL, once a file, or --labels_of=auto"
_LEFT_OUT = (
    "span of a label that its file does not label (--labels_of) left out"
)


@dataclasses.dataclass(frozen=True)
class LabelSets:
    """Labels that files label; files without an entry label all.

    Attributes:
        entries: Path of a file, as in `Sentence.file`, and its labels.
    """

    entries: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, path: str) -> tuple[str, ...] | None:
        """Returns the labels of a file; None for all."""
        return dict(self.entries).get(path)

    def apply(
        self,
        sentences: Iterable[Sentence],
        path: str,
        problems: Problems | None = None,
    ) -> Iterator[Sentence]:
        """Sets `Sentence.labelled`, and leaves out spans of other labels.

        Args:
            sentences: Sentences of a file.
            path: Path of the file.
            problems: Counts these spans.
        """
        labels = self.of(path)
        if labels is None:
            yield from sentences
            return
        known = frozenset(labels)
        for sentence in sentences:
            spans = sentence.spans
            if spans is not None:
                for span in spans:
                    if span.label not in known and problems is not None:
                        where = f"{sentence.file}:{sentence.line}"
                        problems.count(_LEFT_OUT, f"{where}: {span.label}")
                spans = tuple(one for one in spans if one.label in known)
            yield dataclasses.replace(sentence, spans=spans, labelled=labels)


def parse_label_sets(
    given: Sequence[str], paths: Sequence[str], *, folder: str | None = None
) -> LabelSets:
    """Parses the values of --labels_of, other than `AUTO`.

    Args:
        given: Texts such as "a.json:PER,LOC", or several with semicolons
            between them.
        paths: Files of all data.
        folder: Folder of relative paths.

    Raises:
        ConfigError: If a text cannot be read, or names none of these files or
            one of them twice.
        DataError: If a file does not exist.
    """
    known = {os.path.realpath(path): path for path in paths}
    entries: dict[str, tuple[str, ...]] = {}
    for text in filter(None, (p for one in given for p in one.split(";"))):
        pattern, _, names = text.rpartition(":")
        labels = tuple(sorted({n.strip() for n in names.split(",")} - {""}))
        if not pattern or not labels:
            raise ConfigError(
                f"--labels_of={text} is not a file, a colon and labels",
                remedy=_REMEDY,
            )
        patterns = split_patterns([pattern], folder=folder)
        for file in find_files(patterns, flag="--labels_of"):
            path = known.get(os.path.realpath(file))
            if path is None:
                raise ConfigError(
                    f"--labels_of names {file}, which is none of the files of "
                    f"the data: {', '.join(paths)}",
                    remedy="name files of --train_data, --eval_data or "
                    "--test_data",
                )
            if path in entries:
                raise ConfigError(
                    f"--labels_of names {file} twice", remedy=_REMEDY
                )
            entries[path] = labels
    return LabelSets(tuple(entries.items()))
