"""Everything that is known of a training run before TensorFlow is loaded.

Settings are given by flags or chosen from encoder and data; the data are
checked. What is chosen is printed, each setting with its reason.
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
from biaffine_tf.commands.flags import FLAGS
from biaffine_tf.config import (
    ExperimentConfig,
    LongText,
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

# Training sentences that tell what words are.
_LOOKED_AT = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """A training run, ready to begin.

    Attributes:
        data: The labelled files.
        initial: The model that it continues from; None if it does not.
        start: The encoder that it starts from.
        config: All settings, and fingerprints of the data.
        dev: The dev set; None if there is none.
        choices: Settings that no flag gave.
        found: Findings of the data check.
    """

    data: inputs.Data
    initial: inputs.InitialModel | None
    start: checkpoints.Initialization
    config: ExperimentConfig
    dev: list[Sentence] | None
    choices: list[Choice]
    found: checks.Examination

    def show(self) -> None:
        """Prints the data check, the encoder and all choices."""
        for line in self.data.lines:
            print(line)
        self.found.show()
        print(f"encoder: {self.start.origins}")
        for choice in self.choices:
            print(f"chosen: {choice}")


def prepare() -> Experiment:
    """Reads the data, checks them, and settles all settings.

    Raises:
        ConfigError: If flags contradict each other, the encoder or the model.
        DataError: If data cannot be read, or not be trained on.
    """
    initial = inputs.open_initial_model()
    data = inputs.open_data(flags.read_options())
    contents = data.fingerprints()  # of files that can be read again
    if initial is None:
        start = flags.encoder_initialization(
            one.text for one in data.train.read()
        )
    else:
        start = initial.start
    sizes, unknown = _measure(data.train, start.tokenizer)
    settings, choices = _settings(start, initial, sizes)
    if initial is None:
        model = flags.model_config(
            start,
            # The data check decides.
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
    found, dev = _check(
        data,
        _check_settings(start, initial, model),
        unknown,
    )
    found.refuse_errors()
    _check_test_data(data)
    config = found.decide(
        ExperimentConfig(
            model=model,
            training=flags.training_config(settings),
            decoding=decoding,
            data=contents | _origins(start, initial, data),
        )
    )
    return Experiment(
        data=data,
        initial=initial,
        start=start,
        config=config,
        dev=dev,
        choices=[
            *start.choices,
            *(initial.choices if initial else ()),
            *choices,
            *([word_rule] if word_rule else ()),
            *found.choices,
        ],
        found=found,
    )


def check_only() -> None:
    """Prints the data check; ends the program if the data are refused."""
    if flags.names_encoder():
        experiment = prepare()
        experiment.show()
        return
    data = inputs.open_data(flags.read_options())
    data.fingerprints()  # of files that can be read again
    found, _ = _check(data, flags.check_settings(None, None), None)
    found.show()
    for choice in found.choices:
        print(f"chosen: {choice}")
    for error in found.errors:
        print(f"error: {error}", file=sys.stderr)
    if found.errors:
        sys.exit(EXIT_CODE)


def _measure(
    train: Corpus, tokenizer: Tokenizer
) -> tuple[TokenSizes, UnknownTokens]:
    """Sizes and unknown characters, in one pass."""
    sizes, unknown = TokenSizes(), UnknownTokens(tokenizer)
    for sentence in train.read():
        tokens = tokenizer.encode(sentence.text)
        sizes.add(sentence, tokens)
        unknown.add(sentence, tokens)
    return sizes, unknown


def _settings(
    start: checkpoints.Initialization,
    initial: inputs.InitialModel | None,
    sizes: TokenSizes,
) -> tuple[dict[str, Any], list[Choice]]:
    """Settings that are given or chosen, and the choices."""
    given = flags.given_settings()
    flags.training_config(given)  # what is out of range is refused first
    if initial is not None:
        given |= initial.settings
    choices = defaults.choose_settings(
        given,
        sizes,
        encoder=start.config,
        is_pretrained=start.source is not None or initial is not None,
    )
    chosen = {choice.flag: choice.value for choice in choices}
    return given | chosen, choices


def _choose_word_rule(train: Corpus) -> Choice | None:
    """Learns how to tell words in plain text, unless flags settle it."""
    is_free = FLAGS.word_boundaries == WordBoundaries.FREE
    if is_free or FLAGS.word_rule is not None:
        return None
    return learn_word_rule(itertools.islice(train.read(), _LOOKED_AT))


def _check(
    data: inputs.Data,
    settings: checks.Settings,
    unknown: UnknownTokens | None,
) -> tuple[checks.Examination, list[Sentence] | None]:
    """Checks training and dev data; returns the dev set, too."""
    problems = {side: formats.Problems() for side in Side}
    dev = None
    if data.dev is not None:
        # Problems of a corpus in two parts are counted for the training data.
        counted = problems[Side.DEV] if data.fraction is None else None
        dev = list(data.dev.read(counted))
    found = checks.examine(
        data.train.read(problems[Side.TRAIN]),
        dev,
        settings=settings,
        problems=problems,
        more=[Unknown(unknown, settings.tokenizer)]
        if unknown and settings.tokenizer
        else (),
    )
    return found, dev


def _check_settings(
    start: checkpoints.Initialization,
    initial: inputs.InitialModel | None,
    model: ModelConfig,
) -> checks.Settings:
    """Settings to check for; nothing is chosen for a model that continues."""
    settings = flags.check_settings(start.tokenizer, model)
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
    """Finds out before training whether it can be scored on at the end."""
    if data.test is not None:
        for _ in data.test.read_labelled(flag="test_data"):
            pass


def _origins(
    start: checkpoints.Initialization,
    initial: inputs.InitialModel | None,
    data: inputs.Data,
) -> dict[str, str]:
    """Digests of the tokenizer and the initial weights."""
    origins = {
        "reading": str(data.train.options),
        "tokenizer": start.tokenizer.fingerprint,
    }
    if initial is not None:
        origins["init_model"] = initial.fingerprint
    if start.source is not None:
        origins["init_checkpoint"] = start.source.fingerprint
    return origins
