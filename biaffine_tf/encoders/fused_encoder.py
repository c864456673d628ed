"""BERT's forward pass in fewer and larger operations.

Weights, their names and initial values are those of tf-models-official's
`BertEncoderV2`, and so is the output up to rounding. The computation differs:
activations are `[B * L, H]` throughout; in training, query, key and value are
one product, with the scale of the attention in the query's weights; gradients
between the products are written out (`fused_ops`). Mixed precision applies to
the products only: the operations between them are bound by memory.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf
import tf_keras
from official.nlp.modeling.layers.transformer_encoder_block import (
    TransformerEncoderBlock,
)
from official.nlp.modeling.networks.bert_encoder import BertEncoderV2

from biaffine_tf.encoders.fused_ops import (
    dropout,
    gelu,
    layer_norm,
    normal_distribution,
    tanh_gelu,
)

_MASKED = -1e9  # attention score of padding
_SITES_PER_BLOCK = 3  # dropouts: attention, its output, the block's output
_WIDE = 384  # from here on oneDNN's kernels do not suffer from aliasing
_ALIASING_WIDTH = 512  # float32 elements in 2 KiB
_MORE_UNITS = 16  # a cache line of them: rows no longer alias
# Options of BertEncoderV2 that are not supported.
_LACKING = (
    "output_range",
    "embedding_layer",
    "norm_first",
    "with_dense_inputs",
    "return_attention_scores",
    "return_word_embeddings",
)
_EMBEDDINGS = (
    "_embedding_layer",
    "_position_embedding_layer",
    "_type_embedding_layer",
    "_embedding_norm_layer",
)


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
def approximate_gelu(x: tf.Tensor) -> tf.Tensor:
    """Computes GELU's approximation by tanh, for any floating type."""
    return tf_keras.activations.gelu(x, approximate=True)


@contextlib.contextmanager
def policy_scope(
    policy: str | tf_keras.mixed_precision.Policy,
) -> Iterator[None]:
    """Sets the mixed-precision policy of Keras layers created within."""
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(policy)
    try:
        yield
    finally:
        tf_keras.mixed_precision.set_global_policy(before)


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class FusedBertEncoder(BertEncoderV2):
    """`BertEncoderV2` with the same weights and a faster `call`.

    Dropout masks come from one generator, which checkpoints hold. The pooler is
    frozen and not computed. Matrix products are in the compute dtype of the
    layer's policy, all else is in float32.

    Args:
        repeats: Number of consecutive layers that share a block's weights, all
            of them in ALBERT; each has its own dropout.
        norm_epsilon: Epsilon of the layer norms.
        gradient_checkpointing: Whether training keeps only the input of each
            block and computes the block again for the gradient: less memory,
            a third more work.
        xla: Whether to compile the forward pass and its gradient with XLA, once
            per shape, in graphs.
        embedding_dropout: Fraction of the words of each sequence whose
            embeddings are zeroed in training, at all their occurrences (Gal and
            Ghahramani 2016, https://arxiv.org/abs/1512.05287).
        embeddings: `embeddings` of another encoder, to share them; None for
            new ones. An encoder from a config shares none.
        inner_activation: Activation between the products of a block.
        dtype: Mixed-precision policy; None for Keras's global one.
        **kwargs: See `BertEncoderV2`; `num_layers` counts the blocks.

    Raises:
        ValueError: If an option of `BertEncoderV2` is given that is not
            supported.
    """

    def __init__(
        self,
        *,
        repeats: int = 1,
        norm_epsilon: float = 1e-12,
        gradient_checkpointing: bool = False,
        xla: bool = False,
        embedding_dropout: float = 0.0,
        embeddings: Sequence[tf_keras.layers.Layer] | None = None,
        inner_activation: Any = approximate_gelu,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        for name in _LACKING:
            if kwargs.pop(name, None):
                raise ValueError(f"FusedBertEncoder has no {name}")
        dtype = dtype or tf_keras.mixed_precision.global_policy()
        with policy_scope("float32"):
            super().__init__(
                inner_activation=tf_keras.activations.get(inner_activation),
                dtype=dtype,
                **kwargs,
            )
        self._autocast = False  # of the offsets of words
        self.gradient_checkpointing = gradient_checkpointing
        self.xla = xla
        self._word_dropout = embedding_dropout
        self._product_dtype = self.compute_dtype
        self._repeats = repeats
        self._norm_epsilon = norm_epsilon
        self._embedding_norm_layer.epsilon = norm_epsilon
        for block in self.transformer_layers:
            block._norm_epsilon = norm_epsilon
        self.pooler_layer.trainable = False
        self._compiled = tf.function(
            self._encode, jit_compile=True, autograph=False
        )
        # Also seeded by tf_keras.utils.set_random_seed.
        self._generator = tf.random.Generator.from_seed(random.randrange(2**31))
        if embeddings is not None:
            for name, layer in zip(_EMBEDDINGS, embeddings, strict=True):
                setattr(self, name, layer)

    @property
    def embeddings(self) -> tuple[tf_keras.layers.Layer, ...]:
        """Layers of words, positions and types, and the norm of their sum."""
        return tuple(getattr(self, name) for name in _EMBEDDINGS)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, without `embeddings`."""
        kept = {k: v for k, v in self._config.items() if k not in _LACKING}
        return {
            **tf_keras.layers.Layer.get_config(self),
            **kept,
            "repeats": self._repeats,
            "norm_epsilon": self._norm_epsilon,
            "gradient_checkpointing": self.gradient_checkpointing,
            "xla": self.xla,
            "embedding_dropout": self._word_dropout,
        }

    @contextlib.contextmanager
    def computing_in(self, dtype: str) -> Iterator[None]:
        """Traces matrix products in this dtype."""
        before = self._product_dtype, self._compiled
        self._product_dtype = dtype
        self._compiled = tf.function(
            self._encode, jit_compile=True, autograph=False
        )
        try:
            yield
        finally:
            self._product_dtype, self._compiled = before

    def build(self, input_shape: Any) -> None:
        """Creates all weights with the original forward pass."""
        one = tf.ones([1, 1], tf.int32)
        with policy_scope("float32"):
            super().call(
                {
                    "input_word_ids": one,
                    "input_mask": one,
                    "input_type_ids": one,
                }
            )
        self.built = True

    def call(
        self,
        inputs: dict[str, tf.Tensor],
        training: bool | tf.Tensor | None = None,
        positions: tf.Tensor | None = None,
        every_layer: bool = False,
    ) -> dict[str, Any]:
        """Encodes a batch.

        Args:
            inputs: `input_word_ids`, `input_mask`, `input_type_ids`, each int
                `[B, L]`. Optional: `word_offsets`, float32 `[B, L, E]`, which
                are added to the word embeddings.
            training: Whether to apply dropout; a Python value.
            positions: Positions for which to return vectors, int `[B, P]`, each
                in [0, L); None for all. The last layer computes no others.
            every_layer: Whether to return the vectors of every layer.

        Returns:
            `sequence_output`: float32 `[B, L, H]`, or `[B, P, H]`; and, if
            wanted, `layers`: a list of the embeddings and the output of each
            layer, float32 `[B, L, H]`.
        """
        seed = self._generator.make_seeds()[:, 0] if training else None
        # The eager call that creates the weights must not be compiled.
        is_compiled = self.xla and not tf.executing_eagerly()
        encode = self._compiled if is_compiled else self._encode
        layers = encode(inputs, seed, positions, every_layer)
        output = {"sequence_output": layers[-1]}
        return {**output, "layers": layers} if every_layer else output

    def _encode(
        self,
        inputs: dict[str, tf.Tensor],
        seed: tf.Tensor | None,
        positions: tf.Tensor | None,
        every_layer: bool,
    ) -> list[tf.Tensor]:
        """Encodes a batch, with dropout if there is a seed.

        Returns:
            The vectors of every layer and the embeddings, or of the last alone.
        """
        word_ids = inputs["input_word_ids"]
        shape = tf.shape(word_ids)
        x = self._embed(inputs, seed)
        layers = [x]
        mask = tf.cast(inputs["input_mask"], tf.float32)
        mask = (1.0 - mask)[:, None, None, :] * _MASKED  # [B, 1, 1, L]
        num_layers = self._repeats * len(self.transformer_layers)
        for index in range(num_layers):
            block = self.transformer_layers[index // self._repeats]
            wanted = positions if index == num_layers - 1 else None
            x = self._run_block(block, index, x, mask, shape, seed, wanted)
            layers.append(x)

        def separated(x: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
            width = self._config["hidden_size"]
            x = tf.reshape(x, [shape[0], tf.shape(ids)[1], width])
            return tf.ensure_shape(x, [*ids.shape, width])

        last = separated(x, word_ids if positions is None else positions)
        if not every_layer:
            return [last]
        return [*(separated(x, word_ids) for x in layers[:-1]), last]

    def _embed(
        self, inputs: dict[str, tf.Tensor], seed: tf.Tensor | None
    ) -> tf.Tensor:
        """Computes the embeddings of all positions, float32 `[B * L, H]`."""
        word_ids = inputs["input_word_ids"]
        length = tf.shape(word_ids)[1]
        table = self._embedding_layer.embeddings
        positions = self._position_embedding_layer._position_embeddings
        types = self._type_embedding_layer.embeddings
        words = tf.gather(table, word_ids)  # [B, L, E]
        if "word_offsets" in inputs:
            words = words + inputs["word_offsets"]
        if seed is not None and self._word_dropout:
            words = words * self._kept_words(word_ids, seed)
        x = words + positions[:length]
        x = x + tf.gather(types, inputs["input_type_ids"])
        norm = self._embedding_norm_layer
        x = tf.reshape(x, [-1, self._config["embedding_width"]])
        x = layer_norm(
            x,
            norm.gamma,
            norm.beta,
            epsilon=norm.epsilon,
            training=seed is not None,
        )
        x = self._dropout(x, self._config["output_dropout"], seed, 0)
        projection = self._embedding_projection
        if projection is None:
            return x
        return self._dense(x, projection.kernel, projection.bias)

    def _kept_words(self, word_ids: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Draws the factors of embedding dropout, `[B, L, 1]`.

        Equal words of a sequence take the factor of the first of them.
        """
        factors = self._dropout(
            tf.ones(tf.shape(word_ids)),
            self._word_dropout,
            seed,
            1 + self._repeats * len(self.transformer_layers) * _SITES_PER_BLOCK,
        )
        is_equal = word_ids[:, :, None] == word_ids[:, None]  # [B, L, L]
        first = tf.argmax(tf.cast(is_equal, tf.float32), axis=2)
        return tf.gather(factors, first, batch_dims=1)[..., None]

    def _run_block(
        self,
        block: TransformerEncoderBlock,
        index: int,
        x: tf.Tensor,
        mask: tf.Tensor,
        shape: tf.Tensor,
        seed: tf.Tensor | None,
        positions: tf.Tensor | None,
    ) -> tf.Tensor:
        """Computes a block: float32 `[B * L, H]` to that or `[B * P, H]`."""

        def run(x: tf.Tensor) -> tf.Tensor:
            return self._block(block, index, x, mask, shape, seed, positions)

        if seed is not None and self.gradient_checkpointing:
            run = tf.recompute_grad(run)
        return run(x)

    def _block(
        self,
        block: TransformerEncoderBlock,
        index: int,
        x: tf.Tensor,
        mask: tf.Tensor,
        shape: tf.Tensor,
        seed: tf.Tensor | None,
        positions: tf.Tensor | None,
    ) -> tf.Tensor:
        site = 1 + index * _SITES_PER_BLOCK
        rate = self._config["output_dropout"]
        query_inputs, query_shape = x, shape
        if positions is not None:
            query_inputs = _rows_at(x, shape, positions)
            query_shape = tf.shape(positions)
        attended = self._attention(
            block, site, query_inputs, query_shape, x, mask, shape, seed
        )
        attended = self._dropout(attended, rate, seed, site + 1)
        norm = block._attention_layer_norm
        x = layer_norm(
            query_inputs + attended,
            norm.gamma,
            norm.beta,
            epsilon=block._norm_epsilon,
            training=seed is not None,
        )
        inner, outer = block._intermediate_dense, block._output_dense
        weights = inner.kernel, inner.bias, outer.kernel
        if seed is not None and self._is_slow(*inner.kernel.shape):
            weights = _widened(*weights)
        kernel, bias, outer_kernel = weights
        hidden = self._dense(x, kernel, bias)  # [B * L, I]
        hidden = self._activation(hidden, training=seed is not None)
        output = self._dense(hidden, outer_kernel, outer.bias)
        output = self._dropout(output, rate, seed, site + 2)
        norm = block._output_layer_norm
        return layer_norm(
            x + output,
            norm.gamma,
            norm.beta,
            epsilon=block._norm_epsilon,
            training=seed is not None,
        )

    def _attention(
        self,
        block: TransformerEncoderBlock,
        site: int,
        query_inputs: tf.Tensor,
        query_shape: tf.Tensor,
        x: tf.Tensor,
        mask: tf.Tensor,
        shape: tf.Tensor,
        seed: tf.Tensor | None,
    ) -> tf.Tensor:
        """Computes the attention of the query inputs to `[B * L, H]`.

        The caller applies dropout to the output.
        """
        layer = block._attention_layer
        width = self._config["hidden_size"]
        if seed is None or query_inputs is not x:
            queries, keys, values = self._project_apart(
                layer, query_inputs, query_shape, x, shape
            )
        else:
            queries, keys, values = self._project(layer, x, shape)
        scores = tf.matmul(queries, keys, transpose_b=True)
        scores = tf.nn.softmax(tf.cast(scores, tf.float32) + mask)
        rate = self._config["attention_dropout"]
        scores = self._dropout(scores, rate, seed, site)  # [B, heads, L, L]
        mixed = tf.matmul(tf.cast(scores, self._product_dtype), values)
        mixed = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, width])
        output = layer._output_dense
        kernel = tf.reshape(output.kernel, [width, width])
        return self._dense(mixed, kernel, output.bias)

    def _project(
        self,
        layer: tf_keras.layers.MultiHeadAttention,
        x: tf.Tensor,
        shape: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Computes scaled queries, keys and values, each `[B, heads, L, D]`.

        Uses one product and one transposition for the three.
        """
        heads, size = layer._num_heads, layer._key_dim
        scale = 1 / math.sqrt(size)
        query, key, value = map(_matrix, _projections(layer))
        kernel = tf.concat([query[0] * scale, key[0], value[0]], axis=1)
        bias = tf.concat([query[1] * scale, key[1], value[1]], axis=0)
        parts = tf.reshape(
            self._dense(x, kernel, bias, dtype=self._product_dtype),
            [shape[0], shape[1], 3, heads, size],
        )
        return tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))

    def _project_apart(
        self,
        layer: tf_keras.layers.MultiHeadAttention,
        query_inputs: tf.Tensor,
        query_shape: tf.Tensor,
        x: tf.Tensor,
        shape: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Computes the values of `_project` by three products.

        Joining the weights would cost more than it saves where there is no
        gradient or only few positions.
        """
        heads, size = layer._num_heads, layer._key_dim
        parts = [
            tf.transpose(
                tf.reshape(
                    self._dense(
                        source, *_matrix(dense), dtype=self._product_dtype
                    ),
                    [*tf.unstack(rows), heads, size],
                ),
                [0, 2, 1, 3],
            )
            for source, rows, dense in zip(
                (query_inputs, x, x),
                (query_shape, shape, shape),
                _projections(layer),
                strict=True,
            )
        ]
        parts[0] = parts[0] * tf.cast(1 / math.sqrt(size), self._product_dtype)
        return parts

    def _dense(
        self,
        x: tf.Tensor,
        kernel: tf.Tensor,
        bias: tf.Tensor,
        *,
        dtype: str = "float32",
    ) -> tf.Tensor:
        """Computes `x kernel + bias` in the product's dtype and `dtype`."""
        kernel = tf.cast(tf.convert_to_tensor(kernel), self._product_dtype)
        product = tf.matmul(tf.cast(x, self._product_dtype), kernel)
        return tf.nn.bias_add(tf.cast(product, dtype), tf.cast(bias, dtype))

    def _is_slow(self, width: int, inner_width: int) -> bool:
        """Tells whether products with this inner width are slow on a CPU.

        In narrow blocks oneDNN's kernel for the gradients of the two kernels
        goes down columns. Where a row has a multiple of 2 KiB, these elements
        share a few sets of the first cache, and it takes twice as long.
        """
        return (
            width < _WIDE
            and inner_width % _ALIASING_WIDTH == 0
            and self._product_dtype == "float32"
        )

    def _activation(self, x: tf.Tensor, *, training: bool) -> tf.Tensor:
        function = self.transformer_layers[0]._inner_activation
        if function is tf_keras.activations.gelu:
            # TensorFlow fuses it with the product, but not a custom gradient.
            return gelu(x) if training else x * normal_distribution(x)
        if function is approximate_gelu and training:
            return tanh_gelu(x)
        return function(x)

    @staticmethod
    def _dropout(
        x: tf.Tensor, rate: float, seed: tf.Tensor | None, site: int
    ) -> tf.Tensor:
        if seed is None:
            return x
        return dropout(x, rate, seed=seed + tf.constant([0, site], seed.dtype))


def _widened(
    kernel: tf.Tensor, bias: tf.Tensor, outer_kernel: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Adds inner units that are zero and have no effect to a block."""
    return (
        tf.pad(kernel, [[0, 0], [0, _MORE_UNITS]]),
        tf.pad(bias, [[0, _MORE_UNITS]]),
        tf.pad(outer_kernel, [[0, _MORE_UNITS], [0, 0]]),
    )


def _rows_at(x: tf.Tensor, shape: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Gathers rows `[B * P, H]` of `[B * L, H]`; `shape` is `[B, L]`."""
    first = tf.cast(tf.range(shape[0]) * shape[1], positions.dtype)
    return tf.gather(x, tf.reshape(first[:, None] + positions, [-1]))


def _projections(
    layer: tf_keras.layers.MultiHeadAttention,
) -> list[tf_keras.layers.Layer]:
    return [layer._query_dense, layer._key_dense, layer._value_dense]


def _matrix(dense: tf_keras.layers.Layer) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns kernel `[H, H]` and bias `[H]` of a projection to heads."""
    kernel = tf.convert_to_tensor(dense.kernel)
    bias = tf.reshape(dense.bias, [-1])
    return tf.reshape(kernel, [kernel.shape[0], -1]), bias
