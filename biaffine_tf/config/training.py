"""Settings of fine-tuning: loss, optimizer and batches."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.fields import setting, settings_of
from biaffine_tf.config.sections import Settings
from biaffine_tf.seeds import MAX_SEED


class Loss(enum.StrEnum):
    """Loss over the valid pairs of a sentence."""

    CROSS_ENTROPY = "cross_entropy"
    FOCAL = "focal"
    DICE = "dice"
    MULTI_LABEL = "multi_label"
    BINARY = "binary"

    @property
    def is_multi_label(self) -> bool:
        """Whether a span may have several labels."""
        return self in (Loss.MULTI_LABEL, Loss.BINARY)


class ClassWeights(enum.StrEnum):
    """Factor of the loss of the pairs of each class.

    - `none`: none.
    - `inverse`: inverse to the number of pairs of the class.
    - `sqrt_inverse`: inverse to its square root.
    """

    NONE = "none"
    INVERSE = "inverse"
    SQRT_INVERSE = "sqrt_inverse"


class HeadStart(enum.StrEnum):
    """Initialization of the head's bilinear map.

    - `prior`: small random weights; biases are the log-odds of the classes in
      the training data.
    - `zero`: zeros; all classes are equally likely.
    """

    PRIOR = "prior"
    ZERO = "zero"


class Freeze(enum.StrEnum):
    """Parts of a pretrained encoder that are not trained.

    The body is everything after the embeddings. Freezing it while new
    embeddings are learned transfers an encoder to another language (Artetxe et
    al. 2020, https://arxiv.org/abs/1910.11856).
    """

    NONE = "none"
    BODY = "body"
    EMBEDDINGS = "embeddings"
    ENCODER = "encoder"


class Precision(enum.StrEnum):
    """Keras mixed-precision policy; losses are float32 under each of them."""

    FLOAT32 = "float32"
    BFLOAT16 = "mixed_bfloat16"
    FLOAT16 = "mixed_float16"


class Adversarial(enum.StrEnum):
    """Adversarial or consistency training, see `training.adversarial`.

    - `fgm`: also the loss of word embeddings moved along its gradient.
    - `pgd`: the same, moved in several steps.
    - `virtual`: also the divergence from the predictions of embeddings moved
      to where they change most.
    - `rdrop`: the divergence between two passes with different dropout.
    """

    NONE = "none"
    FGM = "fgm"
    PGD = "pgd"
    VIRTUAL = "virtual"
    RDROP = "rdrop"

    @property
    def moves(self) -> bool:
        """Whether word embeddings are moved."""
        return self not in (Adversarial.NONE, Adversarial.RDROP)

    @property
    def compares(self) -> bool:
        """Whether the head has to compare predictions."""
        return self in (Adversarial.VIRTUAL, Adversarial.RDROP)


class Average(enum.StrEnum):
    """Average of the weights over the steps, see `training.averaging`.

    - `ema`: exponential moving average.
    - `swa`: mean over the last part of the run.
    """

    NONE = "none"
    EMA = "ema"
    SWA = "swa"

    @property
    def description(self) -> str:
        """Description of the weights, for the user."""
        return {
            Average.NONE: "plain weights",
            Average.EMA: "exponential average of the weights",
            Average.SWA: "average of the weights of the last steps",
        }[self]


# Default precision of prediction and evaluation.
PREDICTION_PRECISION = Precision.FLOAT32


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig(Settings):
    """Settings of loss, optimizer and batches.

    Attributes:
        evaluation_precision: Precision of the predictions for dev scores,
            calibration and thresholds; has no flag.
    """

    loss: Loss = setting(
        Loss.CROSS_ENTROPY,
        help="Training objective. With multi_label and binary, a span may have "
        "several labels.",
        unset="multi_label for pointer heads, binary for --head=cnn, else "
        "cross_entropy",
    )
    focal_gamma: float = setting(
        3.0,
        minimum=0,
        help="Exponent of --loss=focal.",
        applies=lambda training: training.loss is Loss.FOCAL,
    )
    neg_sample: float = setting(
        1.0,
        above=0,
        maximum=1,
        help="Fraction of the negative pairs to sample for the loss.",
        label="negative pairs kept",
    )
    keep_near_gold: int | None = setting(
        None,
        minimum=0,
        help="With --neg_sample: keep all negative pairs that begin or end at "
        "most this many tokens from where a gold span does.",
        unset="no such pairs",
        label="negative pairs kept near gold spans, up to",
        unit="token",
        applies=lambda training: training.keep_near_gold is not None,
    )
    class_weights: ClassWeights = setting(
        ClassWeights.NONE,
        help="Factor of the loss of each class, from the number of its pairs "
        "in the training data; 1 on average.",
        applies=lambda training: (
            training.class_weights is not ClassWeights.NONE
        ),
    )
    boundary_smoothing: float = setting(
        0.0,
        minimum=0,
        below=1,
        help="Share of the target of a gold span that neighbouring spans get, "
        "with --loss=cross_entropy.",
        applies=lambda training: training.boundary_smoothing > 0,
    )
    smooth_size: int = setting(
        1,
        minimum=1,
        help="Maximum distance of these spans, in tokens of both ends.",
        unit="token",
        applies=lambda training: training.boundary_smoothing > 0,
    )
    distil_weight: float | None = setting(
        None,
        minimum=0,
        maximum=1,
        help="Share of the distillation loss in the loss of labelled "
        "sentences, with --teacher_dir; unlabelled ones have no other.",
        unset="0.5 with --teacher_dir",
    )
    distil_temperature: float | None = setting(
        None,
        above=0,
        help="Divisor of the log-odds of teachers and model in the "
        "distillation loss.",
        unset="1 with --teacher_dir",
    )
    pseudo_weight: float | None = setting(
        None,
        above=0,
        maximum=1,
        help="Factor of the loss of the sentences of --pseudo_data, beside "
        "the weight that their file gives each of them.",
        unset="1 with --pseudo_data",
    )
    head_start: HeadStart = setting(
        HeadStart.PRIOR,
        help="Initialization of the head: small random weights with the "
        "log-odds of the classes in the training data as biases, or zeros.",
    )
    learning_rate: float = setting(
        3e-5,
        above=0,
        help="Peak learning rate of AdamW.",
        unset="chosen by the width of the encoder, whether it is pretrained, "
        "and the kind of its tokens",
    )
    head_learning_rate_ratio: float = setting(
        1.0,
        above=0,
        help="Learning rate of the head relative to the encoder.",
        label="learning rate of the head over that of the encoder",
    )
    weight_decay: float = setting(
        0.01, minimum=0, help="Weight decay of AdamW."
    )
    warmup_proportion: float = setting(
        0.1,
        minimum=0,
        maximum=1,
        help="Fraction of the steps for learning rate warmup.",
        unset="0.03",
        label="warm-up, fraction of the steps",
    )
    max_gradient_norm: float = setting(
        1.0, above=0, help="Maximum global norm of gradients, for clipping."
    )
    gradient_accumulation: int = setting(
        1, minimum=1, help="Batches per training step.", unit="batch"
    )
    freeze: Freeze = setting(
        Freeze.NONE,
        help="Parts of the encoder not to train: all layers after the "
        "embeddings, the embeddings, or both.",
    )
    thaw_after: int | None = setting(
        None,
        minimum=0,
        help="Step after which frozen parts are trained, too.",
        unset="never",
        unit="step",
        applies=lambda training: training.freeze is not Freeze.NONE,
    )
    num_train_epochs: int = setting(
        5,
        minimum=1,
        help="Passes over the training data.",
        unset="chosen by the number of sentences and whether the encoder is "
        "pretrained",
        label="epochs, at most",
    )
    train_batch_size: int = setting(
        32,
        minimum=1,
        help="Sentences per batch.",
        unset="16 for fewer than 4000 sentences, else 32",
        label="batch",
        unit="sentence",
        applies=lambda training: training.token_budget is None,
    )
    token_budget: int | None = setting(
        None,
        minimum=1,
        help="Tokens per batch with padding, instead of --train_batch_size.",
        label="batch",
        unit="position",
    )
    num_buckets: int = setting(
        24,
        minimum=1,
        help="Maximum number of length buckets; small corpora have fewer.",
    )
    early_stopping_patience: int | None = setting(
        None,
        minimum=1,
        help="Epochs without a better dev micro F1 after which to stop.",
        unset="never",
        unit="epoch",
    )
    precision: Precision = setting(
        Precision.FLOAT32,
        help="Precision of matrix products; weights and sums stay float32.",
    )
    evaluation_precision: Precision = PREDICTION_PRECISION
    gradient_checkpointing: bool = setting(
        False,
        help="Recompute the activations of each encoder layer in the backward "
        "pass: less memory, a third more time.",
    )
    xla: bool = setting(
        False,
        help="Compile the encoder with XLA, once per shape for all runs. For "
        "GPUs; no faster on CPUs.",
    )
    mention_replacement: float = setting(
        0.0,
        minimum=0,
        maximum=1,
        help="Probability that a mention is replaced by another one of the "
        "same label, anew in each epoch.",
        applies=lambda training: training.mention_replacement > 0,
    )
    mention_dropping: float = setting(
        0.0,
        minimum=0,
        maximum=1,
        help="Probability that the tokens of a mention become [MASK], anew in "
        "each epoch.",
        applies=lambda training: training.mention_dropping > 0,
    )
    sentence_gluing: float = setting(
        0.0,
        minimum=0,
        maximum=1,
        help="Probability that another sentence is appended to a sentence, if "
        "both fit in --max_seq_length, anew in each epoch.",
        applies=lambda training: training.sentence_gluing > 0,
    )
    label_balance: float = setting(
        0.0,
        minimum=0,
        maximum=1,
        help="Draw sentences with a label that fewer than this fraction of the "
        "sentences has more often, by the root of what it lacks; 0 for each "
        "sentence once an epoch.",
        applies=lambda training: training.label_balance > 0,
    )
    seed: int = setting(
        42,
        minimum=0,
        maximum=MAX_SEED,
        want="from 0 below 2^63",
        help="Random seed.",
    )
    adversarial: Adversarial = setting(
        Adversarial.NONE,
        help="Adversarial training: add the loss of word embeddings moved "
        "along its gradient in one step (fgm) or several (pgd), or the "
        "divergence of predictions for embeddings moved to where they change "
        "most (virtual), or between two passes with different dropout (rdrop). "
        "Takes 2 to 4 times the time.",
        applies=lambda training: training.adversarial is not Adversarial.NONE,
    )
    adversarial_weight: float = setting(
        1.0,
        above=0,
        help="Weight of the loss that --adversarial adds.",
        applies=lambda training: training.adversarial is not Adversarial.NONE,
    )
    adversarial_epsilon: float = setting(
        0.05,
        above=0,
        help="Size of the move of --adversarial=fgm, pgd or virtual: its norm "
        "over that of the word embeddings of the sentence.",
        applies=lambda training: training.adversarial.moves,
    )
    adversarial_steps: int = setting(
        3,
        minimum=1,
        help="Steps of --adversarial=pgd; each takes another pass.",
        applies=lambda training: training.adversarial is Adversarial.PGD,
    )
    average: Average = setting(
        Average.NONE,
        help="Average the weights over the steps: exponentially (ema), or "
        "equally over the last part of the run (swa). Each epoch scores both "
        "and the best on the dev set is kept; without a dev set, the average.",
        applies=lambda training: training.average is not Average.NONE,
    )
    ema_decay: float = setting(
        0.999,
        above=0,
        below=1,
        help="Decay of --average=ema, at most; (1 + t) / (10 + t) in the first "
        "steps t.",
        label="decay of the average",
        applies=lambda training: training.average is Average.EMA,
    )
    swa_start: float = setting(
        0.5,
        minimum=0,
        below=1,
        help="Fraction of the steps after which --average=swa begins.",
        label="start of the average, fraction of the steps",
        applies=lambda training: training.average is Average.SWA,
    )
    layer_decay: float = setting(
        1.0,
        above=0,
        maximum=1,
        help="Factor of the learning rate from each encoder layer to the one "
        "below; the embeddings are the lowest. 1 for equal rates.",
        applies=lambda training: training.layer_decay < 1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_thaw_after(self)
        self.require(
            self.keep_near_gold is None or self.neg_sample < 1,
            "keep_near_gold",
            "left out without --neg_sample below 1",
        )
        self.require(
            self.boundary_smoothing == 0 or self.loss is Loss.CROSS_ENTROPY,
            "boundary_smoothing",
            f"0 with --loss={self.loss}",
        )
        is_weighted = self.class_weights is not ClassWeights.NONE
        self.require(
            not (is_weighted and self.loss.is_multi_label),
            "class_weights",
            f"none with --loss={self.loss}",
        )
        self.require(
            not (is_weighted and self.boundary_smoothing),
            "class_weights",
            "none with --boundary_smoothing",
        )
        is_adversarial = self.adversarial is not Adversarial.NONE
        for name, applies, kinds in (
            ("adversarial_weight", is_adversarial, "--adversarial"),
            (
                "adversarial_epsilon",
                self.adversarial.moves,
                "--adversarial=fgm, pgd or virtual",
            ),
            (
                "adversarial_steps",
                self.adversarial is Adversarial.PGD,
                "--adversarial=pgd",
            ),
            ("ema_decay", self.average is Average.EMA, "--average=ema"),
            ("swa_start", self.average is Average.SWA, "--average=swa"),
        ):
            is_default = (
                getattr(self, name) == settings_of(type(self))[name].default
            )
            self.require(
                applies or is_default, name, f"left out without {kinds}"
            )
        self.require(
            not self.sentence_gluing or self.token_budget is None,
            "sentence_gluing",
            "0 with --token_budget, which bounds the length of a batch",
        )

    @property
    def passes(self) -> int:
        """Forward and backward passes of a batch, about."""
        return {
            Adversarial.NONE: 1,
            Adversarial.FGM: 2,
            Adversarial.PGD: 1 + self.adversarial_steps,
            Adversarial.VIRTUAL: 3,
            Adversarial.RDROP: 2,
        }[self.adversarial]

    @property
    def augments(self) -> bool:
        """Whether sentences are changed at random."""
        return bool(
            self.mention_replacement
            or self.mention_dropping
            or self.sentence_gluing
        )


def check_thaw_after(settings: Settings) -> None:
    """Checks that --thaw_after is given only with --freeze.

    Args:
        settings: Settings with `freeze` and `thaw_after`.

    Raises:
        SettingError: If it is given without --freeze.
    """
    values = vars(settings)
    settings.require(
        values["thaw_after"] is None or values["freeze"] is not Freeze.NONE,
        "thaw_after",
        "left out without --freeze",
    )
