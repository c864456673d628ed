"""Runs SavedModels where there is no code of ours."""

import pickle

import forked
import tensorflow as tf

_SERVER = """
import pickle, sys
sys.modules["biaffine_tf"] = sys.modules["tokenizers"] = None  # not there
import tensorflow as tf
import tensorflow_text
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answers = []
for arguments in pickle.load(open(sys.argv[2], "rb")):
    arguments = {k: tf.constant(v, t) for k, (v, t) in arguments.items()}
    answers.append({k: v.numpy() for k, v in signature(**arguments).items()})
pickle.dump(answers, open(sys.argv[3], "wb"))
"""


def answers_elsewhere(module, signature, requests, folder):
    """What a saved signature answers in another process.

    Args:
        module: A `tf.Module` that holds all that the signature needs.
        signature: A `tf.function` with an input signature of named tensors.
        requests: Dictionaries of (values, dtype) by argument.
        folder: An empty one, to write to.

    Returns:
        The dictionary of arrays that each request is answered by.
    """
    tf.saved_model.save(module, str(folder / "model"), signatures=signature)
    (folder / "requests").write_bytes(pickle.dumps(list(requests)))
    paths = [folder / name for name in ("model", "requests", "answers")]
    script = folder / "server.py"
    script.write_text(_SERVER, encoding="utf-8")
    done = forked.run(script, *paths, cwd=folder, loaded=forked.SERVER)
    assert done.returncode == 0, done.stderr
    return pickle.loads(paths[-1].read_bytes())
