"""Flag --labels_of: labels of files that do not label everything."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from biaffine_tf.commands.flag_types import FLAGS
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.label_sets import (
    AUTO,
    LabelSets,
    parse_label_sets,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.formats import ReadOptions
from biaffine_tf.heads import HEADS, head_source


def find_label_sets(train: Corpus, *others: Corpus | None) -> LabelSets:
    """Finds the labels of files, as --labels_of says.

    Args:
        train: Training data.
        *others: Dev set and test data, if there are any.

    Raises:
        ConfigError: If a value of the flag cannot be read.
        DataError: If a file cannot be read.
    """
    given: Sequence[str] = FLAGS.labels_of or ()
    corpora = [train, *(one for one in others if one is not None)]
    paths = list(dict.fromkeys(path for one in corpora for path in one.paths))
    if AUTO not in given:
        return parse_label_sets(given, paths, folder=FLAGS.data_dir)
    if len(given) > 1:
        raise ConfigError(
            "--labels_of=auto is given beside the labels of files",
            remedy="give one or the other",
        )
    return LabelSets(
        tuple((path, _own_labels(path, train.options)) for path in paths)
    )


def _own_labels(path: str, options: ReadOptions) -> tuple[str, ...]:
    """Returns the labels that occur in a file."""
    names = {
        span.label
        for sentence in Corpus((path,), options).read()
        for span in sentence.spans or ()
    }
    return tuple(sorted(names))


def check_label_sets(train: Corpus, labels: Collection[str], head: str) -> None:
    """Checks the labels of files against those of the run.

    Args:
        train: Training data.
        labels: Labels of the training data and of the initial model.
        head: Name of the head.

    Raises:
        ConfigError: If no file has one of the labels, or the head cannot learn
            from files that do not label everything.
    """
    entries = train.label_sets.entries
    if entries and not head_source(head).takes_label_sets:
        takes = [name for name, one in HEADS.items() if one.takes_label_sets]
        raise ConfigError(
            f"--head={head} cannot learn from files that do not label "
            "everything (--labels_of)",
            remedy=f"give --head={' or '.join(takes)}",
        )
    for path, names in entries:
        for name in names:
            if path in train.paths and name not in labels:
                raise ConfigError(
                    f"--labels_of says that {path} labels {name!r}, of which "
                    "the training data has no span",
                    remedy=f"give some of {', '.join(labels)}",
                )
