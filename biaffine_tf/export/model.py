"""The whole way of a text in one graph: strings in, entities out."""

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
    """What is exported; twin of `inference.Predictor`.

    Texts are read one by one: a model that was trained with context reads
    none.

    Args:
        model: The model, with its weights. What it is made with (precision,
            XLA) is what is exported.
        tokenizer: The tokenizer it was trained with.
        labels: Its labels.
        decoding: How candidates become entities.
        confidence: Calibration of scores, and thresholds.
        windowing: What becomes of long texts.
        int8: Whether to store weights in eight bits; the model that is given
            is good for nothing else then.
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

        serve = self._serve_tokens if takes_tokens else self._serve

        def serve_batched(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return _rows(serve(*inputs))

        signature = _TEXTS_AND_TOKENS if takes_tokens else _TEXTS_AND_TOKENS[:1]
        self.serve, self.serve_batched = (
            tf.function(one, input_signature=signature, autograph=False)
            for one in (serve, serve_batched)
        )

        def score(input_ids: tf.Tensor) -> dict[str, tf.Tensor]:
            scores = model(*split_context(input_ids))
            return {"logits": tf.cast(scores, tf.float32)}

        # What it closes over is not saved but for its variables.
        self.score = tf.function(
            score,
            input_signature=[
                tf.TensorSpec([None, None], tf.int32, "input_ids")
            ],
            autograph=False,
        )

    def save(self, directory: str) -> None:
        """Writes a SavedModel with `SERVE`, `BATCHED` and `SCORE`.

        `SCORE` takes `input_ids`, `[CLS] tokens [SEP]` and padding, int32
        `[B, L + 2]`, those of context as `tokenization.context.mark` makes
        them, and gives `logits`, the output of `SpanModel`.

        No graph tokenizes as `SubwordTokenizer` does: of such models, `SERVE`
        and `BATCHED` take the tokens of the texts besides.
        """
        tf.saved_model.save(
            self,
            directory,
            signatures={
                SERVE: self.serve,
                BATCHED: self.serve_batched,
                SCORE: self.score,
            },
            # Who loads one never gets rid of it, and none is needed.
            options=tf.saved_model.SaveOptions(
                experimental_custom_gradients=False
            ),
        )

    def _serve(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Entities of texts.

        Args:
            texts: UTF-8, `[B]`. What is not is read as Python's
                `errors="replace"` reads it.

        Returns:
            `starts`, `ends`: int32 `[N]`, characters (code points) of the
            text, half-open. `labels`: string `[N]`. `scores`: float32 `[N]`.
            `row_lengths`: int32 `[B]`, how many of the N entities are of each
            text; entities are in the order of texts and positions.
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
        """Entities of texts whose tokens are given.

        Args:
            texts: As for `_serve`.
            ids: Token ids, int32 `[B, L]`, padded with -1.
            starts: First character of each token, int32 `[B, L]`, padded
                likewise.
            ends: One past its last character, int32 `[B, L]`.

        Returns:
            As `_serve`.
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
        """Entities of texts, as `_serve` gives them."""
        windows = self._divide(code_points, tokens)
        candidates, others = self._search(tokens, windows)
        found = self._postprocess(candidates, others, code_points)
        return {
            "starts": found.starts,
            "ends": found.ends,
            "labels": tf.gather(self._label_names, found.labels),
            "scores": tf.cast(tf.sigmoid(found.log_odds), tf.float32),
            "row_lengths": tf.math.unsorted_segment_sum(
                tf.ones_like(found.sentences),
                found.sentences,
                tf.cast(code_points.nrows(), tf.int32),
            ),
        }


def _rows(found: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Makes a padded row of the entities of each text.

    For servers that join requests to batches and split the answers along the
    first dimension, or send one object per text.

    Args:
        found: Entities of B texts, as `ServingModel` serves them.

    Returns:
        `starts`, `ends`: int32 `[B, K]`, padded by -1. `labels`: string
        `[B, K]`, padded by "". `scores`: float32 `[B, K]`, padded by 0.
        `count`: int32 `[B]`, the entities of each text. K is the greatest
        count, and at least 1: servers may choke on empty tensors.
    """
    count = found.pop("row_lengths")
    most = tf.reduce_max(tf.concat([[1], count], 0))
    shape = tf.stack([tf.size(count), most])

    def rows(values: tf.Tensor, padding: tf.Tensor) -> tf.Tensor:
        ragged = tf.RaggedTensor.from_row_lengths(values, count, validate=False)
        return ragged.to_tensor(padding, shape=shape)

    padded = {
        name: rows(values, tf.constant(PADDING[name], values.dtype))
        for name, values in found.items()
    }
    return {**padded, "count": count}
