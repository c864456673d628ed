"""Set-up of the process of a run, and description of its environment."""

from __future__ import annotations

import os
import platform
import random
from importlib import metadata
from typing import Any

import tensorflow as tf
import tf_keras
from tf_keras.src import backend

from biaffine_tf import __version__
from biaffine_tf.config import Precision
from biaffine_tf.seeds import small_seed


def set_up(*, seed: int, precision: Precision) -> tf.distribute.Strategy:
    """Makes the process deterministic and finds its devices.

    Call it once, before building any model.

    Args:
        seed: Random seed.
        precision: Keras's global mixed-precision policy.

    Returns:
        The strategy for building and training: all GPUs of this machine, or
        its only device.
    """
    # Random states become variables, so that checkpoints hold them and a
    # continued run draws the same numbers.
    tf_keras.backend.experimental.enable_tf_random_generator()
    tf_keras.utils.set_random_seed(small_seed(seed))
    # Layers and initialisers draw their seeds from these, which take any seed.
    random.seed(seed)
    backend._SEED_GENERATOR.generator = random.Random(seed)
    tf.config.experimental.enable_op_determinism()
    tf_keras.mixed_precision.set_global_policy(str(precision))
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def distribute(
    batches: tf.data.Dataset, strategy: tf.distribute.Strategy
) -> tf.data.Dataset:
    """Divides batches among the replicas, if there are several."""
    if strategy.num_replicas_in_sync > 1:
        return strategy.experimental_distribute_dataset(batches)
    return batches


def environment() -> dict[str, Any]:
    """Describes the environment that results depend on."""
    packages = ("tensorflow", "tf_keras", "tf-models-official", "numpy")
    return {
        "biaffine_tf": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "devices": [d.device_type for d in tf.config.list_logical_devices()],
        **{name: metadata.version(name) for name in packages},
    }
