"""Prepares a training run before TensorFlow is loaded.

Settings are given by flags or chosen from encoder and data; the data are
checked. Each chosen setting is printed with its reason.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterator
from typing import Any

from biaffine_tf import formats, heads
from biaffine_tf.choices import Choice
from biaffine_tf.commands import flags
from biaffine_tf.commands import training_inputs as inputs
from biaffine_tf.commands.augmenting import check_augmentation
from biaffine_tf.commands.flags import FLAGS
from biaffine_tf.commands.label_sets import check_label_sets
from biaffine_tf.commands.measuring import choose_head, is_nested, measure
from biaffine_tf.commands.pseudo_data import (
    PseudoData,
    check_apart,
    open_pseudo_data,
)
from biaffine_tf.commands.pseudo_data import choose_settings as choose_weight
from biaffine_tf.commands.teachers import (
    Teachers,
    choose_settings,
    open_teachers,
)
from biaffine_tf.config import (
    Adversarial,
    Average,
    BilstmConfig,
    EncoderConfig,
    ExperimentConfig,
    LongText,
    Loss,
    ModelConfig,
    TrainingConfig,
    WordBoundaries,
)
from biaffine_tf.corpora import checks
from biaffine_tf.corpora.checks import Side
from biaffine_tf.corpora.checks.unknown import Unknown
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import EXIT_CODE, ConfigError
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import learn_word_rule
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
        pseudo: Sentences with pseudo labels, or None.
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
    pseudo: PseudoData | None
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
        for line in _describe_costs(self.config.training):
            print(line)


def prepare() -> Experiment:
    """Reads and checks the data, and settles all settings.

    Raises:
        ConfigError: If flags contradict each other, the encoder or the model.
        DataError: If data cannot be read or trained on.
    """
    initial = inputs.open_initial_model()
    head = FLAGS.head if initial is None else initial.model.head.name
    heads.check_nested(head, FLAGS.nested)
    data = inputs.open_data(flags.read_options())
    contents = data.fingerprints()  # refuses pipes
    teachers = open_teachers(data, flags.read_options())
    pseudo = open_pseudo_data(flags.read_options())
    further = _further(teachers, pseudo)
    if initial is None:
        trained_on = (data.train, further) if further else (data.train,)
        initialization = flags.encoder_initialization(
            one.text for corpus in trained_on for one in corpus.read()
        )
    else:
        initialization = initial.initialization
    found = measure(data.train, further, initialization.tokenizer)
    chosen_head = None
    if initial is None and teachers is None:
        chosen_head = choose_head(
            initialization.config, lambda: found.is_nested
        )
        head = chosen_head.value if chosen_head else head
    settings, choices = _settings(
        initialization, initial, teachers, found.sizes, head
    )
    if chosen_head is not None:
        choices.insert(0, chosen_head)
    if pseudo is not None:
        weights = [*choose_weight(settings)]
        choices += weights
        settings |= {choice.flag: choice.value for choice in weights}
    if initial is None:
        model = flags.model_config(
            initialization,
            # Decided by the data check.
            long_text=FLAGS.long_text or LongText.WINDOW,
            settings=settings,
            head=head,
        )
        word_rule = _choose_word_rule(data.train)
        decoding = flags.decoding_config(
            word_rule=(word_rule and word_rule.value) or ""
        )
    else:
        model, decoding = initial.model, initial.decoding
        word_rule = None
    training = flags.training_config(settings)
    heads.check_loss(head, training)
    model = _with_labels_of(training.loss, model)
    examination, dev = _check(
        data,
        _check_settings(initialization, initial, model),
        found.unknown,
        further,
    )
    examination.refuse_errors()
    known = initial.labels if initial else ()
    labels = [*dict.fromkeys([*known, *found.labels])]
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
    _check_passes(training, model)
    if pseudo is not None:
        pseudo.check_student(model, labels)
        _check_apart(pseudo, data, dev)
    config = examination.decide(
        ExperimentConfig(
            model=model,
            training=training,
            decoding=decoding,
            data=contents
            | _origins(initialization, initial, data)
            | (teachers.origins() if teachers else {})
            | (pseudo.origins() if pseudo else {}),
        )
    )
    return Experiment(
        data=data,
        initial=initial,
        teachers=teachers,
        pseudo=pseudo,
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
    heads.check_nested(FLAGS.head, FLAGS.nested)
    data = inputs.open_data(flags.read_options())
    data.fingerprints()  # refuses pipes
    pseudo = open_pseudo_data(flags.read_options())
    head = None
    if not FLAGS.teacher_dir:
        head = choose_head(None, lambda: is_nested(data.train))
    settings = flags.check_settings(None, None, head=head and head.value)
    examination, dev = _check(data, settings, None, _further(None, pseudo))
    if pseudo is not None:
        _check_apart(pseudo, data, dev)
    examination.show()
    for choice in [*([head] if head else ()), *examination.choices]:
        print(f"chosen: {choice}")
    for error in examination.errors:
        print(f"error: {error}", file=sys.stderr)
    if examination.errors:
        sys.exit(EXIT_CODE)


def _further(
    teachers: Teachers | None, pseudo: PseudoData | None
) -> Corpus | None:
    """Returns what is trained on beside the gold data."""
    if pseudo is not None:
        return pseudo.corpus
    return None if teachers is None else teachers.unlabelled


def _settings(
    initialization: checkpoints.Initialization,
    initial: inputs.InitialModel | None,
    teachers: Teachers | None,
    sizes: TokenSizes,
    head: str,
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
        tokenizer=initialization.tokenizer.kind,
        is_pretrained=initialization.source is not None or initial is not None,
    )
    choices += defaults.choose_for_head(given, head)
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
    further: Corpus | None,
) -> tuple[checks.Examination, list[Sentence] | None]:
    """Checks training and dev data; returns the dev set, too."""
    problems = {side: formats.Problems() for side in Side}
    dev = None
    if data.dev is not None:
        # A corpus that is split counts its problems for the training data.
        counted = None if data.is_split else problems[Side.DEV]
        dev = list(data.dev.read(counted))
    examination = checks.examine(
        data.train.read(problems[Side.TRAIN]),
        dev,
        settings=settings,
        problems=problems,
        more=[Unknown(unknown, settings.tokenizer)]
        if unknown and settings.tokenizer
        else (),
        further=further.read() if further else (),
    )
    return examination, dev


def _check_apart(
    pseudo: PseudoData, data: inputs.Data, dev: list[Sentence] | None
) -> None:
    """Checks that no pseudo-labelled text is one that models are scored on."""
    test = data.test.read() if data.test else None
    check_apart(pseudo.corpus.read(), {"eval_data": dev, "test_data": test})


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


def _check_passes(training: TrainingConfig, model: ModelConfig) -> None:
    """Checks that the steps of a run can be computed with the model.

    Raises:
        ConfigError: If they cannot.
    """
    kind, head, encoder = training.adversarial, model.head, model.encoder
    if not isinstance(encoder, EncoderConfig):
        _check_no_bert(training)
    if kind.compares and not heads.compares(head.name):
        raise ConfigError(
            f"--adversarial={kind} compares predictions, which the head "
            f"{head.name!r} cannot",
            remedy="give --head=biaffine, or --adversarial=fgm or pgd",
        )
    dropouts = [head.dropout, model.embedding_dropout, model.spatial_dropout]
    if isinstance(encoder, EncoderConfig):
        dropouts += [
            encoder.hidden_dropout_prob,
            encoder.attention_probs_dropout_prob,
        ]
    else:
        assert isinstance(encoder, BilstmConfig)
        dropouts += [encoder.input_dropout, encoder.hidden_dropout]
    if kind is Adversarial.RDROP and not any(dropouts):
        raise ConfigError(
            "--adversarial=rdrop is given but nothing has dropout, so both "
            "passes are the same",
            remedy="give --head_dropout=0.1, or leave out --adversarial",
        )


def _check_no_bert(training: TrainingConfig) -> None:
    """Refuses what only encoders of BERT's kind have."""
    for name, is_given in (
        (f"adversarial={training.adversarial}", training.adversarial.moves),
        (f"layer_decay={training.layer_decay:g}", training.layer_decay < 1),
    ):
        if is_given:
            raise ConfigError(
                f"--{name} is for encoders of BERT's kind, and none is given",
                remedy="leave it out, or give an encoder as --encoder_dir",
            )


def _describe_costs(training: TrainingConfig) -> Iterator[str]:
    """Says which settings make a run longer, and by how much."""
    if training.passes > 1:
        yield (
            f"--adversarial={training.adversarial}: each step computes "
            f"{training.passes} forward and backward passes: about "
            f"{training.passes} times the time"
        )
    if training.average is not Average.NONE:
        yield (
            f"--average={training.average}: plain and averaged weights are "
            "scored: evaluations take twice the time"
        )


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
