"""AdamW with warm-up, linear decay and learning rates by variable."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import tensorflow as tf
import tf_keras

from biaffine_tf.config import Precision

# Tables of more rows are updated row by row: twice BERT's vocabularies.
MAX_DENSE_ROWS = 65_536
# Biases and the gain and bias of layer norms, by their names in tf_keras.
_NO_DECAY = re.compile(r"(^|/)(bias|gamma|beta)(:0)?$")


class OptimizerSettings(Protocol):
    """Settings of the optimizer, for fine-tuning and pretraining."""

    @property
    def learning_rate(self) -> float:
        """Peak learning rate."""

    @property
    def weight_decay(self) -> float:
        """Decoupled weight decay, multiplied by the learning rate."""

    @property
    def precision(self) -> Precision:
        """Precision of matrix products."""


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class WarmupLinearDecay(tf_keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0 to a peak, then linear decay to 0.

    Args:
        peak: Learning rate at the end of the warm-up.
        total_steps: Number of steps of the run.
        warmup_steps: Number of steps of the warm-up.
    """

    def __init__(
        self, peak: float, *, total_steps: int, warmup_steps: int
    ) -> None:
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the learning rate of a step from 0; the first is not 0."""
        step = tf.cast(step, tf.float32)
        rising = (step + 1) / max(1, self.warmup_steps)
        falling = (self.total_steps - step) / max(
            1, self.total_steps - self.warmup_steps
        )
        return self.peak * tf.clip_by_value(tf.minimum(rising, falling), 0, 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
        }


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class AdamW(tf_keras.optimizers.Adam):
    """Adam with decoupled weight decay and learning rates by variable.

    Unlike tf_keras's AdamW, applies decay and update with the same learning
    rate, and excludes biases and layer norms from decay. In
    tables with more than `MAX_DENSE_ROWS` rows, updates only the rows of a
    batch, as TensorFlow Addons' LazyAdam does.

    Args:
        learning_rate: Learning rate or schedule.
        decay: Decoupled weight decay, multiplied by the learning rate.
        factors: Factors of the learning rate, by the part of the model: one or
            more successive components of variables' names, such as
            "encoder/transformer". Those of several parts are multiplied.
        **kwargs: See `tf_keras.optimizers.Adam`.

    Raises:
        ValueError: If `amsgrad` or `adaptive_epsilon` is given.

    Reference:
        Loshchilov and Hutter 2019 (https://arxiv.org/abs/1711.05101).
    """

    def __init__(
        self,
        learning_rate: float | WarmupLinearDecay,
        *,
        decay: float,
        factors: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        # On a GPU tf_keras would compile the update of each variable with XLA:
        # half a minute before the first epoch, for a single kernel.
        kwargs["jit_compile"] = False
        for name in ("amsgrad", "adaptive_epsilon"):
            if kwargs.get(name):
                raise ValueError(f"AdamW has no {name}")
        super().__init__(learning_rate, **kwargs)
        self._decay = decay
        self._factors = dict(factors or {})
        self._shared: _Shared | None = None

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "decay": self._decay,
            "factors": dict(self._factors),
        }

    def factor_of(self, name: str) -> float:
        """Returns the factor of the learning rate of a variable by name."""
        path = f"/{name}/"
        return math.prod(
            factor
            for part, factor in self._factors.items()
            if f"/{part}/" in path
        )

    def _deduplicate_sparse_grad(self, grads: list[Any]) -> list[Any]:
        """Keeps repeated rows, which `update_step` sums."""
        return grads

    def _distributed_apply_gradients_fn(
        self, *args: Any, **kwargs: Any
    ) -> None:
        """Computes once what the updates of all variables share."""
        self._shared = self._share()
        try:
            super()._distributed_apply_gradients_fn(*args, **kwargs)
        finally:
            self._shared = None

    def _share(self) -> _Shared:
        step = tf.cast(self.iterations + 1, tf.float32)
        betas = [tf.constant(beta) for beta in (self.beta_1, self.beta_2)]
        powers = [tf.pow(beta, step) for beta in betas]
        rate = tf.cast(self.learning_rate, tf.float32)
        return _Shared(rate, *betas, *powers)

    def update_step(
        self, gradient: tf.Tensor | tf.IndexedSlices, variable: tf.Variable
    ) -> None:
        """Applies decay and update to a variable.

        TensorFlow's fused kernels make one pass over the variable and its
        moments, a third of tf_keras's time on BERT's embeddings.
        """
        shared = (self._shared or self._share()).of_type(variable.dtype)
        factor = self.factor_of(variable.name)
        rate = shared.rate if factor == 1 else shared.rate * factor
        decays = self._decay and not _NO_DECAY.search(variable.name)
        decay = rate * self._decay if decays else None
        if isinstance(gradient, tf.IndexedSlices):
            if is_large(variable):
                self._update_rows(gradient, variable, rate, decay, shared)
                return
            gradient = tf.math.unsorted_segment_sum(
                gradient.values, gradient.indices, variable.shape[0]
            )
        if decay is not None:
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle,
                alpha=decay,
                delta=variable,
                use_locking=True,
            )
        index = self._index_dict[self._var_key(variable)]
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=shared.power1,
            beta2_power=shared.power2,
            lr=rate,
            beta1=shared.beta1,
            beta2=shared.beta2,
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=gradient,
            use_locking=True,
        )

    def _update_rows(
        self,
        gradient: tf.IndexedSlices,
        variable: tf.Variable,
        rate: tf.Tensor,
        decay: tf.Tensor | None,
        shared: _Shared,
    ) -> None:
        """Decays and updates the rows that have a gradient, and no others."""
        (summed,) = sum_repeated_rows([gradient])
        rows, values = summed.indices, summed.values
        index = self._index_dict[self._var_key(variable)]
        first, second = self._momentums[index], self._velocities[index]
        _, beta1, beta2, power1, power2 = shared
        momentum = beta1 * tf.gather(first, rows) + (1 - beta1) * values
        velocity = beta2 * tf.gather(second, rows) + (1 - beta2) * values**2
        scale = rate * tf.sqrt(1 - power2) / (1 - power1)
        before = tf.gather(variable, rows)
        after = before if decay is None else before * (1 - decay)
        after -= scale * momentum / (tf.sqrt(velocity) + self.epsilon)
        for target, value in (
            (first, momentum),
            (second, velocity),
            (variable, after),
        ):
            target.scatter_update(tf.IndexedSlices(value, rows))


class _Shared(NamedTuple):
    """Learning rate, betas, and their powers at a step."""

    rate: tf.Tensor
    beta1: tf.Tensor
    beta2: tf.Tensor
    power1: tf.Tensor
    power2: tf.Tensor

    def of_type(self, dtype: tf.DType) -> _Shared:
        return _Shared(*(tf.cast(one, dtype) for one in self))


def is_large(variable: tf.Variable) -> bool:
    """Whether a table is so large that only rows of a batch are updated.

    Adam changes every row in every step, by its momentum and its decay. With
    250 000 rows that makes a step of a 12x384 encoder a quarter longer, and
    takes 0.7 GiB more (benchmarks/tables.py).
    """
    return len(variable.shape) == 2 and variable.shape[0] > MAX_DENSE_ROWS


def sum_repeated_rows(
    gradients: Sequence[tf.Tensor | tf.IndexedSlices],
) -> list[tf.Tensor | tf.IndexedSlices]:
    """Sums repeated rows of sparse gradients.

    A norm would count a repeated row as several short ones.

    Args:
        gradients: Gradients; dense ones are returned unchanged.
    """
    summed = []
    for gradient in gradients:
        if isinstance(gradient, tf.IndexedSlices):
            # TensorFlow has the size of int32 counted on the host.
            rows, positions = tf.unique(tf.cast(gradient.indices, tf.int64))
            values = tf.math.unsorted_segment_sum(
                gradient.values, positions, tf.size(rows)
            )
            gradient = tf.IndexedSlices(values, rows, gradient.dense_shape)
        summed.append(gradient)
    return summed


def layer_factors(num_layers: int, decay: float) -> dict[str, float]:
    """Returns the factors of layer-wise learning rate decay.

    The highest layer of the encoder has 1, each layer `decay` times the factor
    of the one above, and the embeddings `decay` times that of the lowest.

    Args:
        num_layers: Number of layers with weights of their own.
        decay: Factor from a layer to the one below; 1 gives no factors.

    Reference:
        Clark et al. 2020 (https://arxiv.org/abs/2003.10555), whose program
        gives the whole encoder two more factors of the decay.
    """
    if decay == 1:
        return {}
    embeddings = (
        "word_embeddings",
        "position_embedding",
        "type_embeddings",
        "embeddings",
        "embedding_projection",
    )
    return {
        **{f"encoder/{name}": decay**num_layers for name in embeddings},
        **{
            f"encoder/transformer/layer_{index}": decay
            ** (num_layers - 1 - index)
            for index in range(num_layers)
        },
    }


def make_optimizer(
    settings: OptimizerSettings,
    *,
    total_steps: int,
    warmup_steps: int,
    factors: Mapping[str, float],
) -> tf_keras.optimizers.Optimizer:
    """Builds the optimizer of a run.

    Args:
        settings: Learning rate, weight decay and precision.
        total_steps: Number of steps of the run.
        warmup_steps: Number of steps of the warm-up.
        factors: See `AdamW`.

    Returns:
        AdamW, with loss scaling in float16.
    """
    optimizer: tf_keras.optimizers.Optimizer = AdamW(
        WarmupLinearDecay(
            settings.learning_rate,
            total_steps=total_steps,
            warmup_steps=warmup_steps,
        ),
        decay=settings.weight_decay,
        factors=factors,
        epsilon=1e-6,  # as in BERT
    )
    if settings.precision is Precision.FLOAT16:
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer
