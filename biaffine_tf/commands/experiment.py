"""Prepares a training run before TensorFlow is loaded.

Settings are given by flags or chosen from encoder and data; the data are
checked. Each chosen setting is printed with its reason.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from typing import Any

from biaffine_tf import formats
from biaffine_tf.choices import Choice
from biaffine_tf.commands import flags
from biaffine_tf.commands import training_inputs as inputs
from biaffine_tf.commands.augmenting import check_augmentation
from biaffine_tf.commands.flags import FLAGS
from biaffine_tf.commands.label_sets import check_label_sets
from biaffine_tf.commands.teachers import (
    Teachers,
    choose_settings,
    open_teachers,
)
from biaffine_tf.config import (
    ExperimentConfig,
    LongText,
    Loss,
    ModelConfig,
    WordBoundaries,
)
from biaffine_tf.corpora import checks
from biaffine_tf.corpora.checks import Side
from biaffine_tf.corpora.checks.unknown import Unknown
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import EXIT_CODE
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Tokenizer, learn_word_rule
from biaffine_tf.tokenization.sizes import TokenSizes
from biaffine_tf.tokenization.unknown import UnknownTokens
from biaffine_tf.training import defaults

# Number of training sentences from which the word rule is learned.
_MAX_SENTENCES = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """A training run, ready to begin.

    Attributes:
        data: Labelled files.
        initial: Model that the run continues from, or None.
        teachers: Models that the run learns from, or None.
        initialization: Encoder that the run starts from.
        config: All settings, and fingerprints of the data.
        labels: Labels of the training data and of the initial model.
        dev: Dev set, or None.
        choices: Settings that were chosen because no flag gave them.
        examination: Findings of the data check.
    """

    data: inputs.Data
    initial: inputs.InitialModel | None
    teachers: Teachers | None
    initialization: checkpoints.Initialization
    config: ExperimentConfig
    labels: tuple[str, ...]
    dev: list[Sentence] | None
    choices: list[Choice]
    examination: checks.Examination

    def show(self) -> None:
        """Prints the data check, the encoder and all choices."""
        for line in self.data.lines:
            print(line)
        self.examination.show()
        print(f"encoder: {self.initialization.origins}")
        if self.teachers is not None:
            for line in self.teachers.describe(self.labels):
                print(line)
        for choice in self.choices:
            print(f"chosen: {choice}")


def prepare() -> Experiment:
    """Reads and checks the data, and settles all settings.

    Raises:
        ConfigError: If flags contradict each other, the encoder or the model.
        DataError: If data cannot be read or trained on.
    """
    initial = inputs.open_initial_model()
    data = inputs.open_data(flags.read_options())
    contents = data.fingerprints()  # refuses pipes
    teachers = open_teachers(data, flags.read_options())
    if initial is None:
        initialization = flags.encoder_initialization(
            one.text for one in data.train.read()
        )
    else:
        initialization = initial.initialization
    sizes, unknown, labels = _measure(data.train, initialization.tokenizer)
    settings, choices = _settings(initialization, initial, teachers, sizes)
    if initial is None:
        model = flags.model_config(
            initialization,
            # Decided by the data check.
            long_text=FLAGS.long_text or LongText.WINDOW,
            settings=settings,
        )
        word_rule = _choose_word_rule(data.train)
        decoding = flags.decoding_config(
            word_rule=(word_rule and word_rule.value) or ""
        )
    else:
        model, decoding = initial.model, initial.decoding
        word_rule = None
    training = flags.training_config(settings)
    model = _with_labels_of(training.loss, model)
    examination, dev = _check(
        data,
        _check_settings(initialization, initial, model),
        unknown,
    )
    examination.refuse_errors()
    labels = [*dict.fromkeys([*(initial.labels if initial else ()), *labels])]
    check_augmentation(
        training,
        model,
        initialization.tokenizer,
        has_teachers=teachers is not None,
    )
    check_label_sets(data.train, labels, model.head.name)
    if teachers is not None:
        teachers.check_student(model, labels)
    _check_test_data(data)
    config = examination.decide(
        ExperimentConfig(
            model=model,
            training=training,
            decoding=decoding,
            data=contents
            | _origins(initialization, initial, data)
            | (teachers.origins() if teachers else {}),
        )
    )
    return Experiment(
        data=data,
        initial=initial,
        teachers=teachers,
        initialization=initialization,
        config=config,
        labels=tuple(labels),
        dev=dev,
        choices=[
            *initialization.choices,
            *(initial.choices if initial else ()),
            *choices,
            *([word_rule] if word_rule else ()),
            *examination.choices,
        ],
        examination=examination,
    )


def check_only() -> None:
    """Prints the data check; exits if the data cannot be trained on."""
    if flags.names_encoder():
        experiment = prepare()
        experiment.show()
        return
    data = inputs.open_data(flags.read_options())
    data.fingerprints()  # refuses pipes
    examination, _ = _check(data, flags.check_settings(None, None), None)
    examination.show()
    for choice in examination.choices:
        print(f"chosen: {choice}")
    for error in examination.errors:
        print(f"error: {error}", file=sys.stderr)
    if examination.errors:
        sys.exit(EXIT_CODE)


def _measure(
    train: Corpus, tokenizer: Tokenizer
) -> tuple[TokenSizes, UnknownTokens, list[str]]:
    """Measures lengths, unknown characters and labels in one pass."""
    sizes, unknown = TokenSizes(), UnknownTokens(tokenizer)
    labels: set[str] = set()
    for sentence in train.read():
        tokens = tokenizer.encode(sentence.text)
        sizes.add(sentence, tokens)
        unknown.add(sentence, tokens)
        labels.update(span.label for span in sentence.spans or ())
    return sizes, unknown, sorted(labels)


def _settings(
    initialization: checkpoints.Initialization,
    initial: inputs.InitialModel | None,
    teachers: Teachers | None,
    sizes: TokenSizes,
) -> tuple[dict[str, Any], list[Choice]]:
    """Returns all settings, and those of them that were chosen."""
    given = flags.given_settings()
    flags.training_config(given)  # refuses values out of range
    if initial is not None:
        given |= initial.settings
    choices = defaults.choose_settings(
        given,
        sizes,
        encoder=initialization.config,
        is_pretrained=initialization.source is not None or initial is not None,
    )
    choices += defaults.choose_for_head(
        given, FLAGS.head if initial is None else initial.model.head.name
    )
    if teachers is not None:
        choices += choose_settings(given)
    chosen = {choice.flag: choice.value for choice in choices}
    return given | chosen, choices


def _with_labels_of(loss: Loss, model: ModelConfig) -> ModelConfig:
    """Sets whether a span may have several labels, as the loss wants."""
    head = dataclasses.replace(model.head, multi_label=loss.is_multi_label)
    return dataclasses.replace(model, head=head)


def _choose_word_rule(train: Corpus) -> Choice | None:
    """Learns the word rule of plain text, unless flags settle it."""
    is_free = FLAGS.word_boundaries == WordBoundaries.FREE
    if is_free or FLAGS.word_rule is not None:
        return None
    return learn_word_rule(itertools.islice(train.read(), _MAX_SENTENCES))


def _check(
    data: inputs.Data,
    settings: checks.Settings,
    unknown: UnknownTokens | None,
) -> tuple[checks.Examination, list[Sentence] | None]:
    """Checks training and dev data; returns the dev set, too."""
    problems = {side: formats.Problems() for side in Side}
    dev = None
    if data.dev is not None:
        # A corpus that is split counts its problems for the training data.
        counted = problems[Side.DEV] if data.fraction is None else None
        dev = list(data.dev.read(counted))
    examination = checks.examine(
        data.train.read(problems[Side.TRAIN]),
        dev,
        settings=settings,
        problems=problems,
        more=[Unknown(unknown, settings.tokenizer)]
        if unknown and settings.tokenizer
        else (),
    )
    return examination, dev


def _check_settings(
    initialization: checkpoints.Initialization,
    initial: inputs.InitialModel | None,
    model: ModelConfig,
) -> checks.Settings:
    """Returns the settings to check; a continued model keeps its own."""
    settings = flags.check_settings(initialization.tokenizer, model)
    if initial is None:
        return settings
    return dataclasses.replace(
        settings,
        nested=initial.decoding.nested,
        decoder=initial.decoding.decoder,
        one_label_per_span=initial.decoding.one_label_per_span,
        long_text=model.long_text,
        known_labels=tuple(initial.labels),
    )


def _check_test_data(data: inputs.Data) -> None:
    """Reads the test data, so that mistakes show before training."""
    if data.test is not None:
        for _ in data.test.read_labelled(flag="test_data"):
            pass


def _origins(
    initialization: checkpoints.Initialization,
    initial: inputs.InitialModel | None,
    data: inputs.Data,
) -> dict[str, str]:
    """Returns digests of reading options, tokenizer and initial weights."""
    origins = {
        "reading": str(data.train.options),
        "tokenizer": initialization.tokenizer.fingerprint,
    }
    if initial is not None:
        origins["init_model"] = initial.fingerprint
    if initialization.source is not None:
        origins["init_checkpoint"] = initialization.source.fingerprint
    return origins
