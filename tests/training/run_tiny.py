"""run_classifier.py with two more flags: die at a moment, replicas on a CPU."""

import os
import signal
import sys

sys.path.insert(0, os.getcwd())

from absl import flags as absl_flags

from biaffine_tf.commands import flags, running, train

absl_flags.DEFINE_string(
    "kill_after", None, "MOMENT:NUMBER of a SIGKILL.", flags.FLAGS
)
absl_flags.DEFINE_integer(
    "terminate_after",
    None,
    "Step of a SIGTERM, from 1.",
    flag_values=flags.FLAGS,
)
absl_flags.DEFINE_integer(
    "poison_after",
    None,
    "Epoch after which a weight becomes NaN.",
    flag_values=flags.FLAGS,
)
absl_flags.DEFINE_integer(
    "replicas", 1, "Logical CPU devices.", flag_values=flags.FLAGS
)


def _die_after(function, count, number=signal.SIGKILL):
    calls = 0

    def wrapped(*arguments, **keywords):
        nonlocal calls
        result = function(*arguments, **keywords)
        calls += 1
        if calls == count:
            os.kill(os.getpid(), number)
        return result

    return wrapped


def _main() -> None:
    import tensorflow as tf

    from biaffine_tf import model_directory
    from biaffine_tf.training import loop, setup, update

    if flags.FLAGS.kill_after:
        moment, number = flags.FLAGS.kill_after.split(":")
        owner, name = {
            "weights": (model_directory, "save_weights"),
            "history": (loop.Loop, "_write_history"),
            "step": (update.Updater, "step"),
        }[moment]
        setattr(owner, name, _die_after(getattr(owner, name), int(number)))
    if flags.FLAGS.terminate_after is not None:
        update.Updater.step = _die_after(
            update.Updater.step, flags.FLAGS.terminate_after, signal.SIGTERM
        )
    if flags.FLAGS.poison_after is not None:
        save = loop.Loop._save

        def poison(self):
            save(self)
            if self.position.epoch == flags.FLAGS.poison_after:
                weight = next(iter(self._updater.weights.values()))
                weight.assign(weight * float("nan"))

        loop.Loop._save = poison
    if flags.FLAGS.replicas > 1:
        count = flags.FLAGS.replicas
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * count,
        )
        set_up = setup.set_up

        def set_up_replicas(**settings):
            set_up(**settings)
            names = [f"CPU:{i}" for i in range(count)]
            return tf.distribute.MirroredStrategy(names)

        setup.set_up = set_up_replicas
    train.main()


if __name__ == "__main__":
    flags.define_training_flags()
    running.run(_main)
