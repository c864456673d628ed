"""run_classifier.py with two more flags: die at a moment, replicas on a CPU."""

import os
import signal
import sys

sys.path.insert(0, os.getcwd())

from absl import flags as absl_flags

import run_classifier
from biaffine_tf.commands import flags, running

absl_flags.DEFINE_string("kill_after", None, "MOMENT:EPOCH of a SIGKILL.")
absl_flags.DEFINE_integer(
    "poison_after", None, "Epoch after which a weight becomes NaN."
)
absl_flags.DEFINE_integer("replicas", 1, "Logical CPU devices.")


def _die_after(function, epoch):
    calls = 0

    def wrapped(*arguments, **keywords):
        nonlocal calls
        result = function(*arguments, **keywords)
        calls += 1
        if calls == epoch:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def _main() -> None:
    import tensorflow as tf

    from biaffine_tf import model_directory
    from biaffine_tf.training import callbacks, trainer

    if flags.FLAGS.kill_after:
        moment, epoch = flags.FLAGS.kill_after.split(":")
        if moment == "weights":
            model_directory.save_weights = _die_after(
                model_directory.save_weights, int(epoch)
            )
        else:
            callbacks.History.append = _die_after(
                callbacks.History.append, int(epoch)
            )
    if flags.FLAGS.poison_after is not None:
        end = callbacks.EvaluateEpoch.on_epoch_end

        def poison(callback, epoch, logs=None):
            end(callback, epoch, logs)
            if epoch + 1 == flags.FLAGS.poison_after:
                weight = callback.model.model.trainable_variables[0]
                weight.assign(weight * float("nan"))

        callbacks.EvaluateEpoch.on_epoch_end = poison
    if flags.FLAGS.replicas > 1:
        count = flags.FLAGS.replicas
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * count,
        )
        set_up = trainer.set_up

        def set_up_replicas(**settings):
            set_up(**settings)
            names = [f"CPU:{i}" for i in range(count)]
            return tf.distribute.MirroredStrategy(names)

        trainer.set_up = set_up_replicas
    run_classifier.main()


if __name__ == "__main__":
    flags.define_training_flags()
    running.run(_main)
