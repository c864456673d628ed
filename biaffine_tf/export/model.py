"""The exported graph, from strings to entities."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import DecodingConfig, TokenizerKind
from biaffine_tf.export.code_points import decode_utf8
from biaffine_tf.export.int8 import to_int8
from biaffine_tf.export.postprocessing import GraphPostprocessor
from biaffine_tf.export.searching import GraphSearch
from biaffine_tf.export.tokenizers import TokenTensors, graph_tokenizer
from biaffine_tf.export.windows import GraphWindowing
from biaffine_tf.heads.span_model import SpanModel, split_context
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer, Windowing

SERVE = "serving_default"
BATCHED = "batched"
SCORE = "score_pieces"
_TEXTS_AND_TOKENS = [
    tf.TensorSpec([None], tf.string, "texts"),
    *(
        tf.TensorSpec([None, None], tf.int32, name)
        for name in ("ids", "starts", "ends")
    ),
]
PADDING = {"starts": -1, "ends": -1, "labels": "", "scores": 0.0}


class ServingModel(tf.Module):
    """A SavedModel in the making; twin of `inference.Predictor`.

    Texts are read one by one: a model that was trained with context gets none.

    Args:
        model: Model with its weights, exported with its precision and XLA
            option.
        tokenizer: Tokenizer of the model.
        labels: Labels of the model.
        decoding: Settings of decoding.
        confidence: Calibration and thresholds.
        windowing: Treatment of long texts.
        int8: Whether to store weights in int8; the given model cannot be used
            otherwise afterwards.
    """

    def __init__(
        self,
        model: SpanModel,
        tokenizer: Tokenizer,
        labels: LabelMap,
        *,
        decoding: DecodingConfig,
        confidence: Confidence,
        windowing: Windowing,
        int8: bool = False,
    ) -> None:
        super().__init__()
        self._variables = (
            to_int8(model) if int8 else list(model.saved_weights().values())
        )
        takes_tokens = tokenizer.kind is TokenizerKind.SUBWORD
        if not takes_tokens:
            self._tokenize = graph_tokenizer(tokenizer)
        self._divide = GraphWindowing(windowing)
        self._search = GraphSearch(
            model,
            tokenizer,
            min_margin=confidence.lowest_margin,
            force_one_entity=decoding.force_one_entity,
            fixed_shapes=model.encoder.xla,
        )
        self._postprocess = GraphPostprocessor(decoding, confidence, labels)
        self._label_names = tf.constant(["", *labels.names])

        signature = _TEXTS_AND_TOKENS if takes_tokens else _TEXTS_AND_TOKENS[:1]
        self.serve = tf.function(
            self._serve_tokens if takes_tokens else self._serve,
            input_signature=signature,
            autograph=False,
        )
        # Calls the graph of the other, which is then traced and stored once.
        self.serve_batched = tf.function(
            lambda *inputs: _rows(self.serve(*inputs)),
            input_signature=signature,
            autograph=False,
        )

        def score(input_ids: tf.Tensor) -> dict[str, tf.Tensor]:
            scores = model(*split_context(input_ids))
            return {"logits": tf.cast(scores, tf.float32)}

        # Saves only the variables of the closure.
        self.score = tf.function(
            score,
            input_signature=[
                tf.TensorSpec([None, None], tf.int32, "input_ids")
            ],
            autograph=False,
        )

    def save(self, directory: str) -> None:
        """Writes a SavedModel with `SERVE`, `BATCHED` and `SCORE`.

        `SCORE` takes `input_ids`, padded `[CLS] tokens [SEP]`, int32
        `[B, L + 2]`, with context marked as by `tokenization.context.mark`, and
        returns `logits`, the output of `SpanModel`.

        No graph tokenizes as `SubwordTokenizer` does: for such models, `SERVE`
        and `BATCHED` take the tokens of the texts as well.
        """
        tf.saved_model.save(
            self,
            directory,
            signatures={
                SERVE: self.serve,
                BATCHED: self.serve_batched,
                SCORE: self.score,
            },
            # A loaded custom gradient is never freed, and none is needed.
            options=tf.saved_model.SaveOptions(
                experimental_custom_gradients=False
            ),
        )

    def _serve(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Finds the entities of texts.

        Args:
            texts: UTF-8 strings, `[B]`. Invalid bytes are read as with Python's
                `errors="replace"`.

        Returns:
            `starts`, `ends`: int32 `[N]`, half-open, in characters (code
            points). `labels`: string `[N]`. `scores`: float32 `[N]`.
            `row_lengths`: int32 `[B]`, number of entities of each text; the N
            entities are in the order of texts and positions.
        """
        code_points = decode_utf8(texts)
        return self._entities(code_points, self._tokenize(code_points))

    def _serve_tokens(
        self,
        texts: tf.Tensor,
        ids: tf.Tensor,
        starts: tf.Tensor,
        ends: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Finds the entities of texts whose tokens are given.

        Args:
            texts: See `_serve`.
            ids: Token ids, int32 `[B, L]`, padded with -1.
            starts: First character of each token, int32 `[B, L]`, padded
                likewise.
            ends: One past its last character, int32 `[B, L]`.

        Returns:
            See `_serve`.
        """
        lengths = tf.reduce_sum(tf.cast(ids >= 0, tf.int32), axis=1)
        tokens = TokenTensors(
            *(
                tf.RaggedTensor.from_tensor(one, lengths)
                for one in (ids, starts, ends)
            )
        )
        return self._entities(decode_utf8(texts), tokens)

    def _entities(
        self, code_points: tf.RaggedTensor, tokens: TokenTensors
    ) -> dict[str, tf.Tensor]:
        """Finds the entities; see `_serve`."""
        windows = self._divide(code_points, tokens)
        candidates, others = self._search(tokens, windows)
        entities = self._postprocess(candidates, others, code_points)
        return {
            "starts": entities.starts,
            "ends": entities.ends,
            "labels": tf.gather(self._label_names, entities.labels),
            "scores": tf.cast(tf.sigmoid(entities.log_odds), tf.float32),
            "row_lengths": tf.math.unsorted_segment_sum(
                tf.ones_like(entities.sentences),
                entities.sentences,
                tf.cast(code_points.nrows(), tf.int32),
            ),
        }


def _rows(entities: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Makes a padded row of the entities of each text.

    For servers that batch requests and split the outputs along the first axis,
    or send one object per text.

    Args:
        entities: Output of `ServingModel.serve` for B texts.

    Returns:
        `starts`, `ends`: int32 `[B, K]`, padded by -1. `labels`: string
        `[B, K]`, padded by "". `scores`: float32 `[B, K]`, padded by 0.
        `count`: int32 `[B]`, number of entities of each text. K is the
        largest count, at least 1: servers may fail on empty tensors.
    """
    count = entities.pop("row_lengths")
    largest = tf.reduce_max(tf.concat([[1], count], 0))
    shape = tf.stack([tf.size(count), largest])

    def rows(values: tf.Tensor, padding: tf.Tensor) -> tf.Tensor:
        ragged = tf.RaggedTensor.from_row_lengths(values, count, validate=False)
        return ragged.to_tensor(padding, shape=shape)

    padded = {
        name: rows(values, tf.constant(PADDING[name], values.dtype))
        for name, values in entities.items()
    }
    return {**padded, "count": count}
