"""AutoGraph rewrites nothing of ours: it took a third of a short run."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def keywords_of_graph_functions(source: str) -> list[dict[str, str]]:
    """What each `tf.function` of a file is given by name."""
    tree = ast.parse(source)
    given = {
        id(node.func): {k.arg: ast.unparse(k.value) for k in node.keywords}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    return [
        given.get(id(node), {})
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) == "tf.function"
    ]


@pytest.mark.slow
def test_every_graph_function_is_left_as_written():
    found = {
        path: keywords_of_graph_functions(path.read_text(encoding="utf-8"))
        for folder in ("biaffine_tf", "pretrain")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert sum(map(len, found.values())) > 5
    wrong = [
        str(path.relative_to(ROOT))
        for path, functions in found.items()
        if any(one.get("autograph") != "False" for one in functions)
    ]
    assert not wrong, f"tf.function without autograph=False in {wrong}"


def test_one_without_is_found():
    source = "@tf.function\ndef f(): ...\ntf.function(f, autograph=False)\n"
    assert keywords_of_graph_functions(source) == [{}, {"autograph": "False"}]


@pytest.mark.slow
def test_training_and_prediction_rewrite_nothing_of_ours(tmp_path, rewritten):
    """Keras and tf.data would have what they call rewritten, too."""
    import tensorflow as tf
    import tiny

    from biaffine_tf.config import TrainingConfig
    from biaffine_tf.inference.network import Network
    from biaffine_tf.records.span_batches import (
        make_buckets,
        training_batches,
    )
    from biaffine_tf.training.fine_tuning import make_updater

    records = tiny.records(tmp_path, tiny.sentences(8))
    buckets = make_buckets(records.lengths, num_buckets=1, batch_size=4)
    batches = training_batches(records, buckets, seed=1, epochs=range(1))
    model = tiny.model()
    updater = make_updater(
        TrainingConfig(),
        model,
        strategy=tf.distribute.get_strategy(),
        batch_spec=batches.element_spec,
        total_steps=2,
    )
    for number, batch in enumerate(batches):
        updater.step([batch], number)
    Network(model, force_one_entity=False)
    ours = [one for one in rewritten if not one.startswith("tf_keras.")]
    assert not ours, ours
    tf.function(lambda x: abs(x))(tf.constant(-1))
    assert rewritten  # else the check could not fail
