"""Settings of an experiment: frozen, validated, to and from JSON.

Nothing here reads flags or files other than a BERT config; the commands build
these objects from flags, a model directory stores them as `config.json`.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import os
import re
import types
import typing
from typing import Any, Self

from biaffine_tf import __version__
from biaffine_tf.errors import ConfigError
from biaffine_tf.seeds import MAX_SEED

# Raised by a change that makes old settings mean something else, or new ones
# be misread by an older program; `_UPGRADES` then says what the old ones meant.
CONFIG_VERSION = 4


class TokenizerKind(enum.StrEnum):
    """How text becomes pieces."""

    CHAR = "char"
    WORDPIECE = "wordpiece"


class Loss(enum.StrEnum):
    """Training objective over the valid pairs of a sentence."""

    CROSS_ENTROPY = "cross_entropy"
    FOCAL = "focal"
    DICE = "dice"


class HeadStart(enum.StrEnum):
    """Bilinear map of the head before training.

    - `prior`: small random weights; as constant terms, the log-odds of each
      class in the training data.
    - `zero`: zeros; all classes are equally likely.
    """

    PRIOR = "prior"
    ZERO = "zero"


class Position(enum.StrEnum):
    """Whether the projections see the encoder's position embedding."""

    NONE = "none"
    JOINED = "joined"


class LongText(enum.StrEnum):
    """What becomes of a text longer than the model reads at once.

    - `window`: overlapping windows.
    - `line`: its lines are read one by one, those that are too long in
      windows. For models that were trained on single sentences.
    - `truncate`: it is cut.
    - `error`: the first such text ends the program.
    """

    WINDOW = "window"
    LINE = "line"
    TRUNCATE = "truncate"
    ERROR = "error"


class Decoder(enum.StrEnum):
    """How a consistent set of entities is picked among candidates."""

    GREEDY = "greedy"
    EXACT = "exact"
    FREE = "free"


class WordBoundaries(enum.StrEnum):
    """Where entities may begin and end.

    - `free`: at any token of the encoder.
    - `words`: where words do: those that a sentence came in, else those of
      `DecodingConfig.word_rule`.
    """

    FREE = "free"
    WORDS = "words"


class Precision(enum.StrEnum):
    """Keras mixed-precision policy; losses are float32 under each of them."""

    FLOAT32 = "float32"
    BFLOAT16 = "mixed_bfloat16"
    FLOAT16 = "mixed_float16"


# Default of prediction, and so of the evaluation that scores a model.
PREDICTION_PRECISION = Precision.FLOAT32


class ExportFormat(enum.StrEnum):
    """What a model is exported as.

    - `saved_model`: strings in, entities out, for TensorFlow and its servers.
    - `onnx`: the network alone; `biaffine_tf.load` does the rest without
      TensorFlow.
    """

    SAVED_MODEL = "saved_model"
    ONNX = "onnx"


class ExportPrecision(enum.StrEnum):
    """How exact an export is.

    - `float32`: as the model.
    - `bfloat16`: matrix products in half the bits. Not of ONNX.
    - `int8`: weights in a quarter of the bits.
    """

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


class _Config:
    """Mixin: dictionaries in and out, with the checks of the dataclass."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))  # type: ignore[call-overload]

    def replace_given(self, **changes: Any) -> Self:
        """The same settings but for those given; None is not given.

        Raises:
            ConfigError: If a setting is unknown or out of range.
        """
        given = {k: v for k, v in changes.items() if v is not None}
        known = self.to_dict().keys()
        for name in changes.keys() - known:
            raise ConfigError(
                f"there is no setting {name!r}",
                remedy=f"give one of {', '.join(sorted(known))}",
            )
        return self.from_dict(self.to_dict() | given)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Builds the config from `to_dict`'s output.

        Raises:
            ConfigError: If a setting is unknown, missing or out of range.
        """
        if not isinstance(values, dict):
            raise ConfigError(f"{cls.__name__} is {values!r}, not an object")
        hints = typing.get_type_hints(cls)
        unknown = sorted(set(values) - set(hints))
        if unknown:
            raise ConfigError(
                f"unknown settings in {cls.__name__}: {unknown}",
                remedy="use the version of biaffine_tf that wrote them, or "
                "train again with this one",
            )
        revived = {
            key: _revive(hints[key], key, value)
            for key, value in values.items()
        }
        try:
            return cls(**revived)
        except TypeError as error:
            raise ConfigError(f"{cls.__name__}: {error}") from error


_TYPES: dict[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
}


def _revive(hint: Any, key: str, value: Any) -> Any:
    """A setting from its JSON value, which must be of the right type."""
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        names = [str(one) for one in hint]
        require(value in names, key, value, f"one of {names}")
        return hint(value)
    if isinstance(hint, type) and issubclass(hint, _Config):
        require(isinstance(value, dict), key, value, "an object")
        try:
            return hint.from_dict(value)
        except SettingError as error:
            raise error.within(key) from error
    if typing.get_origin(hint) is dict:
        good = isinstance(value, dict) and all(
            isinstance(one, str) for one in value.values()
        )
        require(good, key, value, "an object of strings")
    else:
        require(_is_of(hint, value), key, value, _TYPES[hint])
    return value


def _is_of(kind: type, value: object) -> bool:
    """Whether a value is of a type; truth values are no numbers."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


class SettingError(ConfigError):
    """A setting that is out of range.

    Args:
        shown: Name of the setting for the user: its flag, or its key in a
            file.
        key: Its name in files; dotted where objects hold one another.
        value: What was given.
        want: What is allowed, as the end of "must be".
    """

    def __init__(self, shown: str, key: str, value: object, want: str) -> None:
        super().__init__(f"{shown} must be {want}, got {value!r}")
        self._key = key
        self._value = value
        self._want = want

    def within(self, name: str) -> SettingError:
        """The same error of a setting that a file has in an object."""
        key = f"{name}.{self._key}"
        return SettingError(key, key, self._value, self._want)


def require(condition: bool, name: str, value: object, want: str) -> None:
    """Refuses a setting of a file or of a call that is out of range.

    Args:
        condition: Whether it is in range.
        name: Key or argument.
        value: What was given.
        want: What is allowed, as the end of "must be".

    Raises:
        SettingError: If the condition is false.
    """
    if not condition:
        raise SettingError(name, name, value, want)


def require_flag(
    condition: bool,
    name: str,
    value: object,
    want: str,
    *,
    flag: str | None = None,
) -> None:
    """Refuses a setting that a flag gives, and that is out of range.

    Args:
        condition: Whether it is in range.
        name: Of the setting, its key in files.
        value: What was given.
        want: What is allowed, as the end of "must be".
        flag: Name of the flag, without dashes, where it is not `name`.

    Raises:
        SettingError: If the condition is false.
    """
    if not condition:
        raise SettingError(f"--{flag or name}", name, value, want)


_ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "tanh")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig(_Config):
    """Shape of an encoder; names as in the `config.json` of its family.

    Attributes:
        embedding_size: Width of the embeddings where it is not that of the
            layers (ELECTRA, ALBERT); they are then projected.
        num_hidden_groups: Distinct layers where several share their weights
            (ALBERT: 1).
    """

    vocab_size: int
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    embedding_size: int | None = None
    num_hidden_groups: int | None = None

    def __post_init__(self) -> None:
        for name in ("embedding_size", "num_hidden_groups"):
            value = getattr(self, name)
            good = value is None or (isinstance(value, int) and value > 0)
            require(good, name, value, "a positive integer or unset")
        require(
            self.num_hidden_layers % self.num_layers == 0,
            "num_hidden_groups",
            self.num_hidden_groups,
            f"a divisor of num_hidden_layers={self.num_hidden_layers}",
        )
        for name in (
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        ):
            value = getattr(self, name)
            good = isinstance(value, int) and value > 0
            require(good, name, value, "a positive integer")
        require(
            self.hidden_size % self.num_attention_heads == 0,
            "hidden_size",
            self.hidden_size,
            f"a multiple of num_attention_heads={self.num_attention_heads}",
        )
        require(
            self.hidden_act in _ACTIVATIONS,
            "hidden_act",
            self.hidden_act,
            f"one of {_ACTIVATIONS}",
        )
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            value = getattr(self, name)
            require(0 <= value < 1, name, value, "at least 0 and below 1")
        for name in ("initializer_range", "layer_norm_eps"):
            value = getattr(self, name)
            require(0 < value < 1, name, value, "above 0 and below 1")

    @property
    def embedding_width(self) -> int:
        """Width of the embeddings."""
        return self.embedding_size or self.hidden_size

    @property
    def num_layers(self) -> int:
        """Layers that have weights of their own."""
        return self.num_hidden_groups or self.num_hidden_layers

    @classmethod
    def from_bert_config(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a `bert_config.json` as released with BERT.

        Keys that do not shape the encoder (pooler sizes, `directionality`,
        ...) are ignored, as every BERT implementation does.

        Args:
            path: The JSON file.

        Raises:
            ConfigError: If the file is missing, not JSON, or not a BERT's.
        """
        remedy = "give the bert_config.json of a BERT encoder"
        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be read ({error.strerror})", remedy=remedy
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"{path}: not JSON ({error})", remedy=remedy
            ) from error
        if not isinstance(values, dict) or "vocab_size" not in values:
            raise ConfigError(f"{path}: no vocab_size in it", remedy=remedy)
        known = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{k: v for k, v in values.items() if k in known})
        except (ConfigError, TypeError) as error:
            raise ConfigError(f"{path}: {error}") from error


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerConfig(_Config):
    """How text becomes pieces; the vocabulary itself is a file.

    Attributes:
        strip_accents: Whether accents are stripped before look-up; None for
            the habit of the kind: `wordpiece` strips them where it folds case,
            `char` never does.
        tokenize_chinese_chars: Whether `wordpiece` makes each Chinese
            character a word; `char` has no use for it.
    """

    kind: TokenizerKind = TokenizerKind.CHAR
    do_lower_case: bool = False
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeadConfig(_Config):
    """The biaffine head; the ancestor's values are the defaults.

    Attributes:
        max_span_width: Pieces of the widest span that can be found; None for
            no bound.
    """

    projection_size: int = 150
    dropout: float = 0.1
    position: Position = Position.NONE
    max_span_width: int | None = None

    def __post_init__(self) -> None:
        require_flag(
            self.projection_size > 0,
            "projection_size",
            self.projection_size,
            "positive",
        )
        require_flag(
            0 <= self.dropout < 1,
            "dropout",
            self.dropout,
            "at least 0 and below 1",
            flag="head_dropout",
        )
        width = self.max_span_width
        require_flag(
            width is None or width > 0,
            "max_span_width",
            width,
            "positive",
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(_Config):
    """Everything needed to build the model and feed it text.

    Attributes:
        max_seq_length: Most pieces read at once, [CLS] and [SEP] included.
        long_text: What becomes of longer texts.
        window_overlap: Pieces that neighbouring windows share at least; None
            for a quarter of `max_pieces`.
        context_pieces: Pieces of neighbouring sentences that the encoder reads
            on each side of a sentence, as far as they fit.
    """

    encoder: EncoderConfig
    tokenizer: TokenizerConfig = TokenizerConfig()
    head: HeadConfig = HeadConfig()
    max_seq_length: int = 128
    long_text: LongText = LongText.WINDOW
    window_overlap: int | None = None
    context_pieces: int = 0

    def __post_init__(self) -> None:
        require_flag(
            self.context_pieces >= 0,
            "context_pieces",
            self.context_pieces,
            "at least 0",
        )
        require_flag(
            self.max_seq_length > 2,
            "max_seq_length",
            self.max_seq_length,
            "at least 3 ([CLS], one piece and [SEP])",
        )
        positions = self.encoder.max_position_embeddings
        if self.max_seq_length > positions:
            raise ConfigError(
                f"--max_seq_length is {self.max_seq_length} but the encoder "
                f"has only {positions} positions",
                remedy=f"give --max_seq_length={positions} or less",
            )
        overlap = self.window_overlap
        in_range = isinstance(overlap, int) and 0 <= overlap < self.max_pieces
        require_flag(
            overlap is None or in_range,
            "window_overlap",
            overlap,
            f"at least 0 and below {self.max_pieces}, the pieces of a window",
        )

    @property
    def max_pieces(self) -> int:
        """Pieces of a sentence that fit between [CLS] and [SEP]."""
        return self.max_seq_length - 2


# Two of letter (a), digit (0) and ASCII punctuation, at most one of the last.
_CHARACTER_PAIR = re.compile(r"[a0][!-/:-@[-`{-~a0]|[!-/:-@[-`{-~][a0]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodingConfig(_Config):
    """How candidates become entities.

    Attributes:
        decoder: How they are picked.
        nested: Whether entities may hold one another.
        force_one_entity: Whether each text gets at least one entity: the best
            pair of tokens, if it may be one by the settings below.
        one_label_per_span: Whether a range is one entity at most. If not,
            nested and free decoding may keep several labels of candidates that
            `forbidden_edges` or word boundaries cut to the same range.
        min_width: Characters of the narrowest entity.
        max_width: Characters of the widest one; None for no bound.
        forbidden_edges: Characters that are cut off the ends of entities.
        forbidden_inside: Characters that no entity holds.
        word_boundaries: Where entities may begin and end.
        word_rule: Pairs of neighbouring characters that no word begins or ends
            between, separated by spaces; see `tokenization.words.WordRule`.
            Empty where the words of plain text are not known: it stays free.
    """

    decoder: Decoder = Decoder.EXACT
    nested: bool = False
    force_one_entity: bool = False
    one_label_per_span: bool = False
    min_width: int = 1
    max_width: int | None = None
    forbidden_edges: str = ""
    forbidden_inside: str = ""
    word_boundaries: WordBoundaries = WordBoundaries.FREE
    word_rule: str = ""

    def __post_init__(self) -> None:
        narrowest, widest = self.min_width, self.max_width
        require_flag(
            isinstance(narrowest, int) and narrowest > 0,
            "min_width",
            narrowest,
            "a positive integer",
        )
        require_flag(
            widest is None or (isinstance(widest, int) and widest >= narrowest),
            "max_width",
            widest,
            f"an integer of at least --min_width={narrowest}",
        )
        for name in ("forbidden_edges", "forbidden_inside"):
            value = getattr(self, name)
            require_flag(
                isinstance(value, str), name, value, "characters in a string"
            )
        rule = self.word_rule
        require_flag(
            isinstance(rule, str)
            and all(map(_CHARACTER_PAIR.fullmatch, rule.split())),
            "word_rule",
            rule,
            "pairs such as 'aa a0 0a 00 #a': a for any letter, 0 for any "
            "digit, or one of them and an ASCII punctuation mark",
        )


class Freeze(enum.StrEnum):
    """Parts of a given encoder that stay as they are.

    The body is everything behind the embeddings. Freezing it while embeddings
    are learnt anew carries an encoder over to another language (Artetxe et al.
    2020, https://arxiv.org/abs/1910.11856).
    """

    NONE = "none"
    BODY = "body"
    EMBEDDINGS = "embeddings"
    ENCODER = "encoder"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(_Config):
    """The objective, the optimizer and the batches.

    Attributes:
        precision: Of matrix products in training.
        evaluation_precision: Likewise of the predictions that dev scores,
            calibration and thresholds are made of; no flag sets it.
    """

    loss: Loss = Loss.CROSS_ENTROPY
    focal_gamma: float = 3.0
    neg_sample: float = 1.0
    head_start: HeadStart = HeadStart.PRIOR
    learning_rate: float = 3e-5
    head_learning_rate_ratio: float = 1.0
    weight_decay: float = 0.01
    warmup_proportion: float = 0.1
    max_gradient_norm: float = 1.0
    gradient_accumulation: int = 1
    freeze: Freeze = Freeze.NONE
    thaw_after: int | None = None
    num_train_epochs: int = 5
    train_batch_size: int = 32
    token_budget: int | None = None
    num_buckets: int = 24
    early_stopping_patience: int | None = None
    precision: Precision = Precision.FLOAT32
    evaluation_precision: Precision = PREDICTION_PRECISION
    gradient_checkpointing: bool = False
    xla: bool = False
    seed: int = 42

    def __post_init__(self) -> None:
        require_flag(
            0 <= self.focal_gamma < math.inf,
            "focal_gamma",
            self.focal_gamma,
            "at least 0 and finite",
        )
        require_flag(
            0 < self.neg_sample <= 1,
            "neg_sample",
            self.neg_sample,
            "above 0 and at most 1",
        )
        for name in (
            "learning_rate",
            "head_learning_rate_ratio",
            "max_gradient_norm",
            "num_train_epochs",
            "train_batch_size",
            "gradient_accumulation",
            "num_buckets",
        ):
            value = getattr(self, name)
            require_flag(
                0 < value < math.inf, name, value, "positive and finite"
            )
        for name in ("token_budget", "early_stopping_patience"):
            value = getattr(self, name)
            require_flag(value is None or value > 0, name, value, "positive")
        require_flag(
            0 <= self.warmup_proportion <= 1,
            "warmup_proportion",
            self.warmup_proportion,
            "from 0 to 1",
        )
        require_flag(
            0 <= self.weight_decay < math.inf,
            "weight_decay",
            self.weight_decay,
            "at least 0 and finite",
        )
        require_flag(
            0 <= self.seed <= MAX_SEED, "seed", self.seed, "from 0 below 2^63"
        )
        check_thaw_after(self.thaw_after, self.freeze)


def check_thaw_after(thaw_after: int | None, freeze: Freeze) -> None:
    """Checks --thaw_after against --freeze.

    Raises:
        ConfigError: If it is negative, or nothing is frozen.
    """
    require_flag(
        thaw_after is None or thaw_after >= 0,
        "thaw_after",
        thaw_after,
        "at least 0",
    )
    require_flag(
        thaw_after is None or freeze is not Freeze.NONE,
        "thaw_after",
        thaw_after,
        "left out where nothing is frozen (no --freeze)",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentConfig(_Config):
    """One experiment: what a model directory's `config.json` holds.

    Attributes:
        data: Fingerprints of the training and evaluation files, which make
            "the same experiment" a statement about content, not paths.
        version: Of the settings; `from_dict` brings older ones up to date.
        written_by: Which biaffine_tf wrote them, for people; empty if that is
            not known.
    """

    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    decoding: DecodingConfig = DecodingConfig()
    data: dict[str, str] = dataclasses.field(default_factory=dict)
    version: int = CONFIG_VERSION
    written_by: str = dataclasses.field(default=__version__, compare=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Builds the config from `to_dict`'s output, of this version or older.

        Raises:
            ConfigError: If it is of a newer version, or a setting is unknown,
                missing or out of range.
        """
        if isinstance(values, dict):
            values = _up_to_date(values)
        return super().from_dict(values)

    def differences(self, other: ExperimentConfig) -> list[str]:
        """Names of the settings in which two experiments differ."""
        both = (self.to_dict(), other.to_dict())
        for one in both:
            del one["written_by"]
        return setting_differences(*both)


def _up_to_date(values: dict[str, Any]) -> dict[str, Any]:
    """Settings of any version up to this one's, as this one's."""
    version = values.get("version", 1)
    if type(version) is not int or version < 1:
        raise ConfigError(
            f"version must be an integer from 1 to {CONFIG_VERSION}, got "
            f"{version!r}",
        )
    if version > CONFIG_VERSION:
        raise ConfigError(
            f"written by biaffine_tf {values.get('written_by', '(newer)')} "
            f"(settings of version {version}), this is {__version__} (up to "
            f"version {CONFIG_VERSION})",
            remedy="upgrade biaffine_tf",
        )
    for older in range(version, CONFIG_VERSION):
        values = _UPGRADES[older](values)
    return {**values, "version": CONFIG_VERSION}


def _from_version_1(values: dict[str, Any]) -> dict[str, Any]:
    """There was no choice of decoders at first: it was the greedy one."""
    values = {"written_by": "", **values}
    if isinstance(decoding := values.get("decoding", {}), dict):
        values["decoding"] = {"decoder": Decoder.GREEDY, **decoding}
    return values


def _from_version_2(values: dict[str, Any]) -> dict[str, Any]:
    """All classes were equally likely at the start."""
    if isinstance(training := values.get("training", {}), dict):
        values["training"] = {"head_start": HeadStart.ZERO, **training}
    return values


def _from_version_3(values: dict[str, Any]) -> dict[str, Any]:
    """Models were scored in the precision that they were trained in."""
    if isinstance(training := values.get("training", {}), dict):
        precision = training.get("precision", Precision.FLOAT32)
        values["training"] = {"evaluation_precision": precision, **training}
    return values


# What settings of a version are in the next one.
_UPGRADES = {1: _from_version_1, 2: _from_version_2, 3: _from_version_3}


def setting_differences(
    left: dict[str, Any], right: dict[str, Any]
) -> list[str]:
    """Dotted names of the values in which two nested dictionaries differ."""
    mine, theirs = _flatten(left), _flatten(right)
    return sorted(
        key
        for key in mine.keys() | theirs.keys()
        if mine.get(key) != theirs.get(key)
    )


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
