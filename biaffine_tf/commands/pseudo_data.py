"""Opens the pseudo labels of a training run."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping

from biaffine_tf import formats, heads
from biaffine_tf.choices import Choice
from biaffine_tf.commands import training_inputs as inputs
from biaffine_tf.commands.flag_types import FLAGS
from biaffine_tf.config import ModelConfig
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.pseudo_labels import sentence_weight
from biaffine_tf.corpora.splitting import text_digest
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.spans import Sentence

FLAG = "pseudo_data"
_DEFAULT_WEIGHT = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PseudoData:
    """Sentences that models have labelled.

    Attributes:
        corpus: The sentences.
        sentences: Number of sentences.
        fingerprint: SHA-256 of their files.
    """

    corpus: Corpus
    sentences: int
    fingerprint: str

    def origins(self) -> dict[str, str]:
        """Returns digests that identify a run."""
        return {FLAG: self.fingerprint}

    def check_student(
        self, model: ModelConfig, labels: Collection[str]
    ) -> None:
        """Checks that a model can learn from the sentences.

        Args:
            model: Settings of the model.
            labels: Labels of the model.

        Raises:
            ConfigError: If its head knows no weights of sentences.
            DataError: If a label is unknown.
        """
        if not heads.weighs(model.head.name):
            raise ConfigError(
                f"the head {model.head.name!r} does not weight sentences",
                remedy=f"train without --{FLAG}",
            )
        for sentence in self.corpus.read():
            for span in sentence.spans or ():
                if span.label not in labels:
                    raise DataError(
                        f"the label {span.label!r} of --{FLAG} is not in the "
                        "training data",
                        file=sentence.file,
                        line=sentence.line,
                        remedy="give pseudo labels of models with the labels "
                        f"of the training data: {', '.join(labels)}",
                    )


def open_pseudo_data(options: formats.ReadOptions) -> PseudoData | None:
    """Opens the files of --pseudo_data; None if it is not given.

    Args:
        options: Options for reading files.

    Raises:
        ConfigError: If a flag contradicts it, or needs it.
        DataError: If a sentence is not labelled or its weight out of range.
    """
    corpus = inputs.open_corpus(FLAG, options)
    if corpus is None:
        if FLAGS.pseudo_weight is not None:
            raise ConfigError(
                f"--pseudo_weight is given but --{FLAG} is not",
                remedy="give both or none",
            )
        return None
    if FLAGS.teacher_dir:
        raise ConfigError(
            f"--{FLAG} and --teacher_dir are both given",
            remedy="give the text without labels as --unlabelled_data to "
            "teachers, or train without them",
        )
    count = 0
    for sentence in corpus.read_labelled(flag=FLAG):
        sentence_weight(sentence)
        count += 1
    return PseudoData(
        corpus=corpus, sentences=count, fingerprint=corpus.fingerprint()
    )


def check_apart(
    pseudo: Iterable[Sentence],
    held_out: Mapping[str, Iterable[Sentence] | None],
    *,
    flag: str = FLAG,
) -> None:
    """Checks that no pseudo-labelled text is one that models are scored on.

    Args:
        pseudo: Sentences to be learnt, or labelled for that.
        held_out: Dev and test sentences by the names of their flags.
        flag: Flag that gives the sentences, for messages.

    Raises:
        DataError: If a text is in both; amounts of white space do not count.
    """
    places = {
        text_digest(sentence.text): name
        for name, sentences in held_out.items()
        for sentence in sentences or ()
    }
    if not places:
        return
    shared = [one for one in pseudo if text_digest(one.text) in places]
    if shared:
        first, more = shared[0], len(shared) - 1
        raise DataError(
            f"its text is also in --{places[text_digest(first.text)]}, on "
            "which the model is scored"
            + (f", and so are {more} more of --{flag}" if more else ""),
            file=first.file,
            line=first.line,
            remedy=f"remove the texts of dev and test data from --{flag}",
        )


def choose_settings(given: Collection[str]) -> Iterator[Choice]:
    """Chooses the weight of pseudo labels if it is not given."""
    if "pseudo_weight" not in given:
        yield Choice("pseudo_weight", _DEFAULT_WEIGHT, f"with --{FLAG}")
