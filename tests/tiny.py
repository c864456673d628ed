"""A tiny experiment that tests build models and corpora from."""

import json
import pathlib
import random

import numpy as np

from biaffine_tf import formats, model_directory
from biaffine_tf.config import (
    AnyEncoderConfig,
    BilstmConfig,
    EncoderConfig,
    ExperimentConfig,
    HeadConfig,
    ModelConfig,
    Position,
    TokenizerConfig,
    TokenizerKind,
)
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer

CHARACTERS = "abcdefgh天地人山水火ABC123 ,。"
# Kinds that take a vocabulary of BERT's.
BERT_KINDS = (TokenizerKind.CHAR, TokenizerKind.WORDPIECE)
LABELS = LabelMap(["letter", "sky", "both"])
VOCABULARY = Vocabulary(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
)


def encoder_config(**changes) -> AnyEncoderConfig:
    if changes.get("kind") == BilstmConfig.KIND:
        values = {
            "vocab_size": 5 + len(CHARACTERS),
            "hidden_size": 16,
            "embedding_size": 8,
            "bigram_size": 6,
            "num_bigram_rows": 101,
        }
        return BilstmConfig(**(values | changes))
    values = {
        "vocab_size": 5 + len(CHARACTERS),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 40,
    }
    return EncoderConfig(**(values | changes))


def model_config(**changes) -> ModelConfig:
    head = {
        name: changes.pop(name)
        for name in ("name", "position", "max_span_width", "dropout")
        if name in changes
    }
    return ModelConfig(
        encoder=encoder_config(**changes.pop("encoder", {})),
        tokenizer=TokenizerConfig(),
        head=HeadConfig(projection_size=8, **head),
        **({"max_seq_length": 40} | changes),
    )


def write_vocabulary(path) -> str:
    VOCABULARY.save(path)
    return str(path)


def write_encoder_files(folder, *, num_layers=1) -> None:
    """Writes vocabulary and shape of a random encoder.

    One layer where it will do: most of a tiny run is the making of its graphs.
    """
    write_vocabulary(folder / "vocab.txt")
    config = json.dumps(encoder_config(num_hidden_layers=num_layers).to_dict())
    (folder / "bert_config.json").write_text(config)


def tokenizer(folder) -> Tokenizer:
    vocabulary = Vocabulary.from_file(write_vocabulary(folder / "v.txt"))
    return make_tokenizer("char", vocabulary)


def model(*, position: Position = Position.NONE, seed: int = 0, **changes):
    """A model whose weights are all random, also those that start at zero."""
    built = SpanModel(
        model_config(position=position, **changes),
        num_classes=LABELS.num_classes,
    )
    built.build_weights()
    rng = np.random.default_rng(seed)
    for weight in built.saved_weights().values():
        weight.assign(rng.normal(size=weight.shape) * 0.3)
    return built


def sentences(count: int, *, seed: int = 0) -> list[Sentence]:
    """A learnable corpus: runs of Latin letters and of sky words, nested."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        text, spans = "", []
        for _ in range(rng.randint(1, 4)):
            begin = len(text)
            letters = "".join(rng.choices("abcdefgh", k=rng.randint(1, 3)))
            text += letters
            spans.append(Span(begin, len(text), "letter"))
            if rng.random() < 0.5:
                sky = "".join(rng.choices("天地", k=rng.randint(1, 2)))
                spans.append(Span(len(text), len(text) + len(sky), "sky"))
                text += sky
                spans.append(Span(begin, len(text), "both"))
            text += rng.choice([" ", ",", "。"])
        made.append(Sentence(text, tuple(spans), id=str(number)))
    return made


def records(folder, made: list[Sentence], **options):
    """Records of sentences; options are of `RecordOptions`."""
    # Not with this module: it loads TensorFlow's input pipeline.
    from biaffine_tf.corpora.corpus import Corpus
    from biaffine_tf.records.span_records import prepare_records
    from biaffine_tf.records.span_shards import RecordOptions

    source = str(folder / "train.jsonl")
    formats.write(source, made, "span_jsonl")
    return prepare_records(
        Corpus((source,)),
        str(folder / "records"),
        tokenizer(folder),
        RecordOptions(**{"max_tokens": 38} | options),
        progress=False,
    )


def write_model(
    folder, config=None, *, model_seed: int = 0, labels=LABELS
) -> str:
    """Writes a model directory with random weights; returns its path."""
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    config = config or ExperimentConfig(model=model_config())
    model_directory.write_description(str(folder), config, labels, VOCABULARY)
    model_directory.save_weights(str(folder), model(seed=model_seed))
    return str(folder)


def add_onnx(directory) -> None:
    """Gives a model directory the ONNX form that commands predict with."""
    # Not with this module: tests of the formats need none of it.
    from biaffine_tf.export.model_form import update_form

    update_form(str(directory), None, lambda: sentences(3))
    model_directory.seal(str(directory))
