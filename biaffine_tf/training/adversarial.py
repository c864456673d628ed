"""Adversarial training, and consistency of predictions.

Word embeddings are moved sentence by sentence: the move of a sentence has a
given norm relative to that of its word embeddings, so that one epsilon suits
encoders of all widths and sentences of all lengths. (Common scripts move the
embedding table instead, by one norm for all words of a batch. A sentence is
then moved the less, the more sentences a batch has.)

Each pass draws its own dropout. Passes run one after the other, so that only
R-Drop, which needs the gradient of both at once, takes more memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from biaffine_tf.config import Adversarial, TrainingConfig
from biaffine_tf.heads.span_model import WORD_OFFSETS, SpanModel
from biaffine_tf.training.moves import (
    add_gradients,
    norm,
    unit,
    within,
    word_embeddings,
)
from biaffine_tf.training.objective import (
    Adversary,
    Batch,
    Differentiated,
    Gradients,
    Loss,
    LossOf,
    Metrics,
)
from biaffine_tf.training.span_objective import SpanObjective

# Names of the metrics that adversaries add.
METRICS = ("adversarial_loss", "divergence")

_PGD_REACH = 2.5  # sum of the steps over epsilon, as in Madry et al.
# Size of the random move at which virtual adversarial training looks for the
# direction of the greatest change, relative to epsilon.
_FIRST_MOVE = 0.1
_NOISE_SEED = 104_729  # apart from those of the objective


def make_adversary(
    config: TrainingConfig, objective: SpanObjective
) -> Adversary | None:
    """Builds the adversary of a run; None if there is none.

    Args:
        config: Settings with kind, weight and size.
        objective: Objective of the model in training.
    """
    if config.adversarial is Adversarial.NONE:
        return None
    if config.adversarial is Adversarial.RDROP:
        return RDrop(config, objective)
    if config.adversarial is Adversarial.VIRTUAL:
        return Virtual(config, objective)
    return Ascent(config, objective)


class Ascent:
    """Adds the loss of word embeddings moved towards a greater loss.

    With a single step, the fast gradient method: the move of a sentence is
    `epsilon |x| g / |g|`, x being its word embeddings and g the gradient.
    With several, projected gradient ascent: each step starts from the last, and
    the sum is kept within `epsilon |x|`.

    Args:
        config: Settings with kind, weight and size.
        objective: Objective of the model in training.

    Reference:
        Miyato et al. 2017 (https://arxiv.org/abs/1605.07725); Madry et al. 2018
        (https://arxiv.org/abs/1706.06083).
    """

    metric_names: tuple[str, ...] = ("adversarial_loss",)

    def __init__(
        self, config: TrainingConfig, objective: SpanObjective
    ) -> None:
        is_fast = config.adversarial is Adversarial.FGM
        self._steps = 1 if is_fast else config.adversarial_steps
        self._epsilon = config.adversarial_epsilon
        self._weight = config.adversarial_weight
        self._objective = objective
        self._model = objective.model

    def differentiate(
        self,
        batch: Batch,
        variables: Sequence[tf.Variable],
        *,
        seed: tf.Tensor,
        loss_of: LossOf,
    ) -> Differentiated:
        """Computes metrics and gradients; see `Adversary`."""
        sources = list(variables)
        factors = self._objective.losses
        words = word_embeddings(self._model, batch)
        radius = self._epsilon * norm(words)
        size = radius * min(1.0, _PGD_REACH / self._steps)

        def run(
            offsets: tf.Tensor, wanted: list[Any], factors: Mapping[str, float]
        ) -> tuple[Metrics, Loss, Gradients]:
            with tf.GradientTape() as tape:
                tape.watch(offsets)
                metrics = self._objective.metrics(
                    {**batch, WORD_OFFSETS: offsets}, training=True, seed=seed
                )
                loss = loss_of(metrics, factors)
            return metrics, loss, tape.gradient(loss.scaled, wanted)

        offsets = tf.zeros_like(words)
        metrics, clean, (*gradients, slope) = run(
            offsets, [*sources, offsets], factors
        )
        for _ in range(self._steps - 1):
            offsets = within(offsets + size * unit(slope), radius)
            *_, (slope,) = run(offsets, [offsets], factors)
        offsets = within(offsets + size * unit(slope), radius)
        weighted = {name: self._weight * f for name, f in factors.items()}
        moved, loss, more = run(offsets, sources, weighted)
        (name,) = self.metric_names
        return Differentiated(
            {**metrics, name: moved["loss"]},
            clean.value + loss.value,
            add_gradients(gradients, more),
        )


class Virtual:
    """Adds the divergence of predictions under the move that changes them most.

    The predictions without a move are made without dropout and are constants.
    The direction is the gradient of the divergence at a small random move: a
    step of the power method.

    Args:
        config: Settings with weight and size.
        objective: Objective of a model whose head compares predictions.

    Reference:
        Miyato et al. 2018, "Virtual Adversarial Training"
        (https://arxiv.org/abs/1704.03976).
    """

    metric_names: tuple[str, ...] = ("divergence",)

    def __init__(
        self, config: TrainingConfig, objective: SpanObjective
    ) -> None:
        self._epsilon = config.adversarial_epsilon
        self._factors = {"divergence": config.adversarial_weight}
        self._objective = objective
        self._model = objective.model

    def differentiate(
        self,
        batch: Batch,
        variables: Sequence[tf.Variable],
        *,
        seed: tf.Tensor,
        loss_of: LossOf,
    ) -> Differentiated:
        """Computes metrics and gradients; see `Adversary`."""
        with tf.GradientTape() as tape:
            metrics = self._objective.metrics(batch, training=True, seed=seed)
            clean = loss_of(metrics, self._objective.losses)
        gradients = tape.gradient(clean.scaled, list(variables))
        target = tf.stop_gradient(
            self._model.encode_batch(batch, training=False)
        )
        offsets = self._find_move(batch, target, seed, loss_of)
        with tf.GradientTape() as tape:
            pair = self._diverge(batch, target, offsets, training=True)
            loss = loss_of({"divergence": pair}, self._factors)
        more = tape.gradient(loss.scaled, list(variables))
        return Differentiated(
            {**metrics, "divergence": pair},
            clean.value + loss.value,
            add_gradients(gradients, more),
        )

    def _find_move(
        self,
        batch: Batch,
        target: tf.Tensor,
        seed: tf.Tensor,
        loss_of: LossOf,
    ) -> tf.Tensor:
        words = word_embeddings(self._model, batch)
        radius = self._epsilon * norm(words)
        noise = tf.random.stateless_normal(
            tf.shape(words), seed + _NOISE_SEED, alg="philox"
        )
        noise = tf.where(words == 0, 0.0, noise)  # padding
        offsets = _FIRST_MOVE * radius * unit(noise)
        with tf.GradientTape() as tape:
            tape.watch(offsets)
            pair = self._diverge(batch, target, offsets, training=False)
            loss = loss_of({"divergence": pair}, self._factors)
        return radius * unit(tape.gradient(loss.scaled, offsets))

    def _diverge(
        self,
        batch: Batch,
        target: tf.Tensor,
        offsets: tf.Tensor,
        *,
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        moved = {**batch, WORD_OFFSETS: offsets}
        return _divergence(
            self._model,
            target,
            self._model.encode_batch(moved, training=training),
            batch,
            first_is_fixed=True,
            training=training,
        )


class RDrop:
    """Averages the loss of two passes, and adds their divergence.

    The passes differ in their dropout. In the paper, which adds up the losses
    of both passes, alpha is twice the weight.

    Args:
        config: Settings of the loss and the weight.
        objective: Objective of a model whose head compares predictions.

    Reference:
        Liang et al. 2021, "R-Drop" (https://arxiv.org/abs/2106.14448).
    """

    metric_names: tuple[str, ...] = ("divergence",)

    def __init__(
        self, config: TrainingConfig, objective: SpanObjective
    ) -> None:
        self._factors = {"loss": 1.0, "divergence": config.adversarial_weight}
        self._objective = objective
        self._model = objective.model

    def differentiate(
        self,
        batch: Batch,
        variables: Sequence[tf.Variable],
        *,
        seed: tf.Tensor,
        loss_of: LossOf,
    ) -> Differentiated:
        """Computes metrics and gradients; see `Adversary`."""
        model = self._model
        with tf.GradientTape() as tape:
            vectors, others = (
                model.encode_batch(batch, training=True) for _ in range(2)
            )
            first, second = (
                self._objective.metrics_of(x, batch, training=True, seed=seed)
                for x in (vectors, others)
            )
            metrics = {
                name: (sums[0] + second[name][0], sums[1] + second[name][1])
                for name, sums in first.items()
            }
            metrics["divergence"] = _divergence(
                model,
                vectors,
                others,
                batch,
                first_is_fixed=False,
                training=True,
            )
            loss = loss_of(metrics, self._factors)
        gradients = tape.gradient(loss.scaled, list(variables))
        return Differentiated(metrics, loss.value, gradients)


def _divergence(
    model: SpanModel,
    vectors: tf.Tensor,
    others: tf.Tensor,
    batch: Batch,
    **options: bool,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns divergence and number of sentences, as a metric."""
    head: Any = model.head  # which compares, as the settings were checked for
    counts = model.counts_of(batch)
    total = head.divergence(vectors, others, counts, **options)
    return total, tf.cast(tf.size(counts), tf.float32)
