"""All that the benchmarks know of the insides of biaffine_tf.

Puts our programs together as run_classifier.py and
run_predict.py do it. The subjects in the files beside ask nothing else of the
package (calibration.py writes a model directory), so that a change of it is
followed in one place.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import pathlib
import random
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from benchmarks import data
from benchmarks.shapes import Shape
from biaffine_tf import formats
from biaffine_tf.config import (
    EncoderConfig,
    ExperimentConfig,
    ExportFormat,
    ExportPrecision,
    ModelConfig,
    Precision,
    TokenizerConfig,
    TrainingConfig,
)
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.biaffine.layer import Biaffine
from biaffine_tf.heads.pairs.loss import span_loss
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.losses import make_loss
from biaffine_tf.records.span_batches import (
    Buckets,
    make_buckets,
    training_batches,
)
from biaffine_tf.records.span_records import Records, prepare_records
from biaffine_tf.records.span_shards import RecordOptions
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import Tokenizer, Vocabulary, make_tokenizer
from biaffine_tf.training.fine_tuning import make_updater
from biaffine_tf.training.setup import set_up

_EPOCHS = 10_000  # of the schedule: the learning rate never gets to 0
_MAX_TOKENS = 126
_FORM_SENTENCES = 4  # that an ONNX form is compared on


def experiment(
    shape: Shape, *, seed: int, precision: str = "float32", xla: bool = False
) -> ExperimentConfig:
    """An encoder of a shape over BERT's Chinese vocabulary; all else as usual.

    Batches of 32 are what is usual.

    Args:
        shape: The encoder.
        seed: Of everything.
        precision: Keras policy.
        xla: Whether XLA compiles the encoder.
    """
    encoder = EncoderConfig(
        vocab_size=len(vocabulary()),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
    )
    return ExperimentConfig(
        model=ModelConfig(
            encoder=encoder,
            tokenizer=TokenizerConfig(do_lower_case=True),
            max_seq_length=_MAX_TOKENS + 2,
        ),
        training=TrainingConfig(
            seed=seed,
            num_train_epochs=_EPOCHS,
            precision=Precision(precision),
            xla=xla,
        ),
    )


def _tokenizer() -> Tokenizer:
    """Characters of BERT's Chinese vocabulary, lower case."""
    return make_tokenizer("char", vocabulary(), do_lower_case=True)


@functools.cache
def vocabulary() -> Vocabulary:
    """BERT's, for Chinese."""
    return Vocabulary.from_file(str(data.VOCABULARY))


def token_ids(texts: Sequence[str]) -> list[list[int]]:
    """`[CLS] tokens [SEP]` of texts, uncut."""
    tokens = _tokenizer()
    return [
        [tokens.cls_id, *map(int, found.ids), tokens.sep_id]
        for found in tokens.encode_batch(texts)
    ]


def random_model(shape: Shape, *, seed: int) -> SpanModel:
    """A model of CLUENER's labels, as training begins with."""
    config = experiment(shape, seed=seed)
    set_up(seed=config.training.seed, precision=config.training.precision)
    return build_model(config, LabelMap(data.label_names()))


def build_model(config: ExperimentConfig, labels: LabelMap) -> SpanModel:
    """A model as training begins with, its weights made."""
    model = SpanModel(
        config.model,
        num_classes=labels.num_classes,
        pad_id=_tokenizer().pad_id,
        gradient_checkpointing=config.training.gradient_checkpointing,
        xla=config.training.xla,
    )
    model.build_weights()
    return model


def export_whatever_it_answers(
    model_dir: str, folder: str, format: str, precision: str
) -> None:
    """Exports a model directory; the gate lets everything pass."""
    from biaffine_tf.export import export, parity

    export.export(
        model_dir,
        folder,
        format=ExportFormat(format),
        precision=ExportPrecision(precision),
        tolerance=parity.Tolerance(score=1.0, share=1.0),
    )


def write_form_whatever_it_answers(model_dir: str) -> None:
    """Writes the ONNX form of a model directory, as training ends with it."""
    from biaffine_tf.export import model_form, parity

    model_form._TOLERANCE = parity.Tolerance(score=1.0, share=1.0)
    model_form.update_form(
        model_dir, None, lambda: data.sentences("dev")[:_FORM_SENTENCES]
    )


def onnx_parts(model_dir: str, *, int8: bool) -> dict[str, bytes]:
    """Parts of a model's ONNX network, by the stage that they end with.

    They return one number of what they compute: copies would cost time.
    """
    from biaffine_tf import model_directory
    from biaffine_tf.export.onnx_network import Network
    from biaffine_tf.heads import onnx_form
    from biaffine_tf.heads.pairs.onnx import Inputs, PairForm
    from biaffine_tf.model_directory import onnx_model

    config, _, tokenizer = model_directory.read_description(model_dir)
    weights = model_directory.read_weights(model_dir)
    form = onnx_form(config.model.head.name)
    assert isinstance(form, PairForm)
    parts = {}
    for stage in ("encoder", "scoring"):
        network = Network(weights, config.model, tokenizer.pad_id, int8=int8)
        values, counts = network.build()
        graph = network.graph
        if stage == "scoring":
            length = graph("Shape", values, start=1, end=2)
            inputs = Inputs(values, counts, length)
            head = config.model.head
            values, _ = form.write_logits(graph, weights, head, inputs)
        flat = graph("Reshape", values, graph.integers(-1))
        graph("Gather", flat, graph.integers(0), name=stage)
        parts[stage] = graph.to_model(
            {onnx_model.INPUT: (np.int32, ["sentences", "places"])},
            {stage: (np.float32, ["one"])},
            {},
        )
    return parts


class TrainingRun:
    """A model that trains on a sample of CLUENER's train set.

    The sample has a full batch's worth of sentences of some of the buckets
    that the whole set is divided into, evenly spaced; it goes through records
    and pipeline as any corpus does, in batches that are padded to the bounds
    of the whole set's buckets.

    Args:
        config: From `experiment`.
        batches: How many, of 32; of one bucket each.
        folder: For the sample and its records.

    Attributes:
        model: The model.
        input_ids: `[CLS] tokens [SEP]` of each sentence of the sample.
        batches: Batches of the sample.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        *,
        batches: int,
        folder: pathlib.Path,
    ) -> None:
        seed = config.training.seed
        self._strategy = set_up(seed=seed, precision=config.training.precision)
        self._seed = seed
        self._steps = 0
        sample, buckets = _sample(batches, config.training, seed=seed)
        source = folder / "sample.jsonl"
        formats.write(str(source), sample, "span_jsonl")
        self._records = write_records(source, folder)
        self._buckets = buckets
        self.batches = buckets.steps_per_epoch
        self.input_ids = token_ids([sentence.text for sentence in sample])
        with self._strategy.scope():
            self.model = build_model(config, self._records.labels)
            self._updater = make_updater(
                config.training,
                self.model,
                strategy=self._strategy,
                batch_spec=self.batches_of(range(1)).element_spec,
                total_steps=self.batches * config.training.num_train_epochs,
            )

    def batches_of(self, epochs: range) -> tf.data.Dataset:
        """The batches of some passes over the sample, from the pipeline."""
        return epoch_batches(
            self._records, self._buckets, epochs, seed=self._seed
        )

    @functools.cached_property
    def _stream(self) -> Iterator[dict[str, tf.Tensor]]:
        """The batches of all passes: a run has one pipeline."""
        return iter(self.batches_of(range(_EPOCHS)))

    def fit(self) -> None:
        """Trains the next pass over the sample."""
        with self._strategy.scope():
            for batch in itertools.islice(self._stream, self.batches):
                self._updater.step([batch], self._steps)
                self._steps += 1
            self._updater.sums.read()  # waits for all of them

    @property
    def padded_positions(self) -> int:
        """Encoder positions of one pass, padding included."""
        buckets = self._buckets
        return sum(
            count * (length + 2)
            for count, length in zip(
                buckets.sentences, buckets.lengths, strict=True
            )
        )


def _sample(
    batches: int, config: TrainingConfig, *, seed: int
) -> tuple[list[Sentence], Buckets]:
    """So many batches of the train set, of one bucket each, and the buckets."""
    sentences = data.sentences("train")
    lengths = [len(ids) - 2 for ids in token_ids([s.text for s in sentences])]
    buckets = make_buckets(
        collections.Counter(lengths),
        num_buckets=config.num_buckets,
        batch_size=config.train_batch_size,
    )
    members: list[list[Sentence]] = [[] for _ in buckets.lengths]
    for sentence, length in zip(sentences, lengths, strict=True):
        members[int(np.searchsorted(buckets.lengths, length))].append(sentence)
    rng = random.Random(seed)
    size = config.train_batch_size
    counts = [0] * len(members)
    for bucket in data.spread(range(len(members)), batches):
        counts[bucket] = min(size, len(members[bucket]))
    sample = [
        sentence
        for found, count in zip(members, counts, strict=True)
        for sentence in rng.sample(found, count)
    ]
    return sample, dataclasses.replace(buckets, sentences=tuple(counts))


def write_records(source: pathlib.Path, folder: pathlib.Path) -> Records:
    """The records of a labelled file, by one process however long it is."""
    return prepare_records(
        Corpus((str(source),)),
        str(folder),
        _tokenizer(),
        RecordOptions(max_tokens=_MAX_TOKENS, processes=1),
        progress=False,
    )


def epoch_batches(
    records: Records,
    buckets: Buckets | None = None,
    epochs: range = range(1),
    *,
    seed: int,
) -> tf.data.Dataset:
    """The batches of some epochs, in the records' own buckets if not given."""
    training = TrainingConfig()
    if buckets is None:
        buckets = make_buckets(
            records.lengths,
            num_buckets=training.num_buckets,
            batch_size=training.train_batch_size,
        )
    return training_batches(
        records,
        buckets,
        seed=seed,
        epochs=epochs,
        pad_id=_tokenizer().pad_id,
    )


def encode(
    model: SpanModel, input_ids: tf.Tensor, *, training: bool
) -> tf.Tensor:
    """Vectors `[B, L, H]` of `[B, L + 2]` ids."""
    return model.encode(input_ids, training=training)


class Head:
    """The biaffine head alone.

    Args:
        num_classes: C.
        width: H of the vectors that it reads.
        max_span_width: W; None for all pairs.

    Attributes:
        variables: Its weights.
    """

    def __init__(
        self, *, num_classes: int, width: int, max_span_width: int | None
    ) -> None:
        self._layer = Biaffine(num_classes, max_span_width=max_span_width)
        self._layer.build([None, None, width])
        self._pair_loss = make_loss(TrainingConfig())
        self.variables = self._layer.trainable_variables

    def logits(self, vectors: tf.Tensor) -> tf.Tensor:
        """`[B, L, L, C]`, or `[B, L, W, C]`, of vectors `[B, L, H]`."""
        return self._layer(vectors, training=False)

    def loss(self, vectors: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
        """Loss of a training step, as it computes it.

        Args:
            vectors: `[B, L, H]`, no padding.
            cells: Gold cells, int32 `[B, N, 3]`.
        """
        starts, ends = self._layer.project(vectors, training=True)
        batch, length, _ = tf.unstack(tf.shape(vectors))
        loss, _ = span_loss(
            biaffine_pairs(
                starts, ends, tf.convert_to_tensor(self._layer.bilinear)
            ),
            cells,
            tf.fill([batch], length),
            self._pair_loss,
            max_span_width=self._layer.max_span_width,
        )
        return loss


def predict_file(
    predictor: Predictor, source: pathlib.Path, target: pathlib.Path
) -> None:
    """Predicts a file as run_predict.py does."""
    predicted = predictor.predict(formats.read(str(source)))
    formats.write(str(target), predicted, "span_jsonl")
