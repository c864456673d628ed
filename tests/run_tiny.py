"""run_classifier.py or run_pretraining.py, with flags that disturb the run.

run_tiny.py (train | pretrain) FLAGS
"""

import os
import signal
import sys

sys.path.insert(0, os.getcwd())

from absl import flags as absl_flags

from biaffine_tf.commands import (
    flags,
    pretrain,
    pretraining_flags,
    running,
    train,
)
from biaffine_tf.commands.flag_types import FLAGS

absl_flags.DEFINE_string(
    "kill_after", None, "MOMENT:NUMBER of a SIGKILL.", FLAGS
)
absl_flags.DEFINE_integer(
    "terminate_after", None, "Step of a SIGTERM, from 1.", flag_values=FLAGS
)
absl_flags.DEFINE_integer(
    "poison_after", None, "Steps before weights are NaN.", flag_values=FLAGS
)
absl_flags.DEFINE_integer(
    "replicas", 1, "Logical CPU devices.", flag_values=FLAGS
)


def _die_after(owner, name, count, number):
    calls = 0
    function = getattr(owner, name)

    def wrapped(*arguments, **keywords):
        nonlocal calls
        result = function(*arguments, **keywords)
        calls += 1
        if calls == count:
            os.kill(os.getpid(), number)
        return result

    setattr(owner, name, wrapped)


def _poison(updater, after):
    step = updater.step

    def poisoned(self, batches, number):
        if number == after:
            weight = next(iter(self.weights.values()))
            weight.assign(weight * float("nan"))
        step(self, batches, number)

    updater.step = poisoned


def _replicate(setup, count):
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * count,
    )
    set_up = setup.set_up

    def set_up_replicas(**settings):
        set_up(**settings)
        return tf.distribute.MirroredStrategy(
            [f"CPU:{i}" for i in range(count)]
        )

    setup.set_up = set_up_replicas


def _disturb():
    from biaffine_tf import model_directory
    from biaffine_tf.inference import teachers
    from biaffine_tf.training import loop, run_state, setup, update

    if FLAGS.kill_after:
        moment, number = FLAGS.kill_after.split(":")
        owner, name = {
            "weights": (model_directory, "save_weights"),
            "history": (loop.Loop, "_write_history"),
            "step": (update.Updater, "step"),
            "checkpoint": (run_state.RunCheckpoints, "save"),
            "teachers": (teachers, "write_scores"),
        }[moment]
        _die_after(owner, name, int(number), signal.SIGKILL)
    if FLAGS.terminate_after is not None:
        _die_after(
            update.Updater, "step", FLAGS.terminate_after, signal.SIGTERM
        )
    if FLAGS.poison_after is not None:
        _poison(update.Updater, FLAGS.poison_after)
    if FLAGS.replicas > 1:
        _replicate(setup, FLAGS.replicas)


if __name__ == "__main__":
    command, define, required = {
        "train": (train, flags, []),
        "pretrain": (
            pretrain, pretraining_flags, ["records_dir", "output_dir"]
        ),
    }[sys.argv.pop(1)]  # fmt: skip
    define.define_training_flags()

    def _main():
        _disturb()
        return command.main()

    running.run(_main, required=required)
