"""run_pretraining.py with more flags: die at a moment, replicas on a CPU."""

import itertools
import os
import signal
import sys

sys.path.insert(0, os.getcwd())

from absl import flags as absl_flags

from biaffine_tf.commands import pretrain, pretraining_flags, running

absl_flags.DEFINE_integer(
    "kill_after",
    None,
    "Steps before a SIGKILL.",
    flag_values=pretraining_flags.FLAGS,
)
absl_flags.DEFINE_integer(
    "kill_at_encoder",
    None,
    "SIGKILL in place of this call to write encoders, from 1.",
    flag_values=pretraining_flags.FLAGS,
)
absl_flags.DEFINE_integer(
    "poison_after",
    None,
    "Step after which a weight becomes NaN, from 1.",
    flag_values=pretraining_flags.FLAGS,
)
absl_flags.DEFINE_integer(
    "replicas", 1, "Logical CPU devices.", flag_values=pretraining_flags.FLAGS
)


def _main() -> None:
    import tensorflow as tf

    from biaffine_tf.pretraining import output
    from biaffine_tf.training import setup, update

    flags = pretraining_flags.FLAGS
    if flags.kill_after is not None:
        original = update.Updater.step

        def die(updater, batches, number):
            if number == flags.kill_after:
                os.kill(os.getpid(), signal.SIGKILL)
            original(updater, batches, number)

        update.Updater.step = die
    if flags.poison_after is not None:
        healthy = update.Updater.step

        def poison(updater, batches, number):
            healthy(updater, batches, number)
            if number + 1 == flags.poison_after:
                weight = next(iter(updater.weights.values()))
                weight.assign(weight * float("nan"))

        update.Updater.step = poison
    if flags.kill_at_encoder is not None:
        write_encoders = output.write_encoders
        calls = itertools.count(1)

        def die_instead(*arguments):
            if next(calls) == flags.kill_at_encoder:
                os.kill(os.getpid(), signal.SIGKILL)
            write_encoders(*arguments)

        output.write_encoders = die_instead
    if flags.replicas > 1:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * flags.replicas,
        )
        set_up = setup.set_up

        def set_up_replicas(**settings):
            set_up(**settings)
            names = [f"CPU:{i}" for i in range(flags.replicas)]
            return tf.distribute.MirroredStrategy(names)

        setup.set_up = set_up_replicas
    pretrain.main()


if __name__ == "__main__":
    pretraining_flags.define_training_flags()
    running.run(_main, required=["records_dir", "output_dir"])
