"""Settings: frozen dataclasses with validation and JSON conversion.

One file per section. Nothing here reads flags, or files other than a BERT
config: commands derive flags from these classes (`commands.flag_types`), and a
model directory stores `ExperimentConfig` as `config.json`.
"""

from biaffine_tf.config.bilstm import BilstmConfig
from biaffine_tf.config.decoding import (
    NESTED_SHARE,
    Decoder,
    DecodingConfig,
    WordBoundaries,
)
from biaffine_tf.config.encoder import AnyEncoderConfig, EncoderConfig
from biaffine_tf.config.experiment import (
    CONFIG_VERSION,
    ExperimentConfig,
    setting_differences,
)
from biaffine_tf.config.fields import (
    Setting,
    SettingError,
    same_setting,
    setting,
    settings_of,
)
from biaffine_tf.config.masking import Masking, MaskingKind, Replacement
from biaffine_tf.config.model import (
    POINTER_HEADS,
    TAGGERS,
    Activation,
    HeadConfig,
    LayerMix,
    LongText,
    ModelConfig,
    Position,
    Tags,
)
from biaffine_tf.config.prediction import (
    Engine,
    ExportConfig,
    ExportFormat,
    ExportPrecision,
    PredictionConfig,
)
from biaffine_tf.config.pretraining import (
    DistilMatch,
    Objective,
    PretrainingConfig,
    generator_config,
)
from biaffine_tf.config.sections import Settings, require
from biaffine_tf.config.text_records import (
    DataConfig,
    Document,
    Words,
    check_words,
)
from biaffine_tf.config.tokenizer import TokenizerConfig, TokenizerKind
from biaffine_tf.config.training import (
    PREDICTION_PRECISION,
    Adversarial,
    Average,
    ClassWeights,
    Freeze,
    HeadStart,
    Loss,
    Precision,
    TrainingConfig,
)
