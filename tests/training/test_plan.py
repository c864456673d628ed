"""The plan: counts, times and memory by hand, then a whole one."""

import dataclasses
import json
import math
import os
import subprocess
import sys
import types

import pytest
import tensorflow as tf
import tiny

from biaffine_tf import formats
from biaffine_tf.config import ExperimentConfig, TrainingConfig
from biaffine_tf.planning import memory, plan, plan_tables
from biaffine_tf.planning.probe import StepTime, epoch_seconds
from biaffine_tf.records.span_batches import Buckets
from biaffine_tf.spans import Sentence

BUCKETS = Buckets(
    lengths=(8, 18, 38), batch_sizes=(4, 4, 2), sentences=(6, 8, 3)
)
TIMES = [StepTime(4, 10, 0.4), StepTime(2, 40, 3.2)]


def test_parameters_are_those_of_the_model():
    model = tiny.model()
    parameters = plan.count_parameters(model)
    assert parameters.encoder + parameters.head == parameters.trained
    assert parameters.trained == sum(
        math.prod(v.shape) for v in model.trainable_variables
    )
    pieces = tiny.encoder_config().vocab_size
    assert parameters.embeddings == (pieces + 40 + 2) * 16
    assert parameters.head == model.head.count_params()


def test_time_of_an_epoch_is_interpolated_by_length():
    # Seconds a position: 0.01 at 10, 0.04 at 40, so 0.02 at 20.
    want = 6 * 10 * 0.01 + 8 * 20 * 0.02 + 3 * 40 * 0.04
    assert epoch_seconds(BUCKETS, TIMES) == pytest.approx(want)
    one = [StepTime(4, 20, 1.6)]
    assert epoch_seconds(BUCKETS, one) == pytest.approx(340 * 0.02)


def test_rows_of_the_data():
    rows = dict(plan_tables.data_rows(BUCKETS, {8: 6, 13: 8, 38: 3}, epochs=3))
    assert rows["training sentences"] == "17"
    assert rows["positions an epoch, padded"] == "340"
    assert rows["padding"] == "11.8%"  # 8 sentences lack 5 each
    assert rows["steps an epoch"] == "6"
    assert rows["steps in all, 3 epochs"] == "18"
    assert rows["longest batch"] == "2 sentences of 40 positions"


def test_rows_of_the_time():
    rows = dict(
        plan_tables.time_rows(BUCKETS, TIMES, evaluation=1.4, epochs=100)
    )
    assert rows["a step of 4 sentences of 10 positions"] == "0.4 s"
    assert rows["training, an epoch"] == "8.6 s"
    assert rows["evaluation, an epoch"] == "1.4 s"
    assert rows["in all, 100 epochs"] == "17 min"


@pytest.mark.parametrize(
    ("count", "want"),
    [
        (0, "0.0 MiB"),
        (3 << 19, "1.5 MiB"),
        ((1 << 30) - 1, "1024.0 MiB"),
        (5 << 29, "2.50 GiB"),
        (None, "unknown"),
    ],
)
def test_format_of_bytes(count, want):
    assert plan_tables.format_bytes(count) == want


@pytest.mark.parametrize(
    ("seconds", "want"),
    [(0.01234, "0.0123 s"), (95.4, "95.4 s"), (600, "10 min"), (9000, "2.5 h")],
)
def test_format_of_seconds(seconds, want):
    assert plan_tables.format_seconds(seconds) == want


def test_middle_batch_is_around_the_median():
    sentences = [Sentence("a" * (1 + n * 37 % 101)) for n in range(101)]
    lengths = [len(s.text) for s in plan.middle_batch(sentences)]
    assert lengths == list(range(19, 83))
    assert len(plan.middle_batch(sentences[:5])) == 5


def _estimate(training=None, buckets=BUCKETS, replicas=1):
    return plan.estimate_memory(
        ExperimentConfig(
            model=tiny.model_config(), training=training or TrainingConfig()
        ),
        buckets,
        memory.Parameters(encoder=900, embeddings=400, head=100, trained=1000),
        num_classes=4,
        replicas=replicas,
        program=12345,
    )


def test_estimate_is_of_the_bucket_that_needs_most():
    estimate = _estimate()
    assert estimate.program == 12345
    assert estimate.weights == 4000

    def only(bucket):
        return _estimate(
            buckets=Buckets(
                *(
                    (getattr(BUCKETS, field.name)[bucket],)
                    for field in dataclasses.fields(Buckets)
                )
            )
        )

    assert estimate == max(map(only, range(3)), key=lambda e: e.total)


def test_estimate_is_of_what_one_replica_gets_of_real_sentences():
    roomy = dataclasses.replace(BUCKETS, batch_sizes=(100, 100, 100))
    assert _estimate(buckets=roomy) == _estimate(
        buckets=dataclasses.replace(BUCKETS, batch_sizes=BUCKETS.sentences)
    )
    assert _estimate(buckets=roomy, replicas=4) == _estimate(
        buckets=dataclasses.replace(BUCKETS, batch_sizes=(2, 2, 1))
    )


def test_checkpointing_lowers_the_estimate():
    deep = TrainingConfig(gradient_checkpointing=True)
    assert _estimate(deep).encoder < _estimate().encoder
    assert _estimate(deep).head == _estimate().head


def test_nothing_is_tried_that_does_not_fit(monkeypatch, capsys):
    monkeypatch.setattr(plan, "_memory_limit", lambda: 1 << 20)
    plan.print_plan(
        ExperimentConfig(model=tiny.model_config()),
        types.SimpleNamespace(lengths={8: 6}, labels=tiny.LABELS),
        tiny.model(),
        strategy=tf.distribute.get_strategy(),
        sentences=[],
        evaluator=None,
        remedy="give less",
    )
    out = " ".join(capsys.readouterr().out.split())
    assert "memory there is │ 1.0 MiB" in out
    assert "more memory than there is; give less. No step is tried." in out


@pytest.mark.parametrize(
    ("capabilities", "want"),
    [
        ([], "processor"),
        ([(8, 0)], "GPU"),
        ([(9, 0), (7, 5)], None),
        ([(10, 0)], "GPU"),
        ([None], None),
    ],
)
def test_bfloat16_is_of_what_trains(monkeypatch, capabilities, want):
    """Whatever the processor can do, if there is a GPU."""
    details = {
        f"GPU{number}": {"compute_capability": one} if one else {}
        for number, one in enumerate(capabilities)
    }
    monkeypatch.setattr(plan.machine, "has_bfloat16", lambda: True)
    monkeypatch.setattr(
        plan.tf.config, "get_visible_devices", lambda kind: list(details)
    )
    monkeypatch.setattr(
        plan.tf.config.experimental, "get_device_details", details.get
    )
    assert plan._bfloat16_device() == want


@pytest.mark.slow
def test_command_says_all_and_touches_nothing(root, tmp_path):
    """Also with an --output_dir that holds another experiment."""
    for name, count in [("train", 60), ("dev", 90)]:
        path = tmp_path / f"{name}.jsonl"
        formats.write(path, tiny.sentences(count), "span_jsonl")
    tiny.write_vocabulary(tmp_path / "vocab.txt")
    config = tmp_path / "bert_config.json"
    config.write_text(json.dumps(tiny.encoder_config().to_dict()))
    output, scratch = tmp_path / "output", tmp_path / "scratch"
    for folder in (output, scratch):
        folder.mkdir()
    (output / "labels.txt").write_text("another's")
    done = subprocess.run(
        [
            sys.executable,
            "run_classifier.py",
            "--plan",
            f"--train_data={tmp_path / 'train.jsonl'}",
            f"--eval_data={tmp_path / 'dev.jsonl'}",
            f"--vocab_file={tmp_path / 'vocab.txt'}",
            f"--bert_config_file={config}",
            f"--output_dir={output}",
            "--max_seq_length=40",
            "--train_batch_size=2",
            "--num_train_epochs=3",
        ],
        capture_output=True,
        text=True,
        cwd=root,
        env=os.environ | {"TMPDIR": str(scratch)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for row in [
        "trained in all",
        "steps in all, 3 epochs",
        "activations of the encoder",
        "memory there is",
        "in all, 3 epochs",
        "memory used at most",
    ]:
        assert row in done.stdout
    assert done.stdout.count("a step of ") == 3
    assert "probe: 100%" in done.stderr and "13/13" in done.stderr
    assert [path.name for path in output.iterdir()] == ["labels.txt"]
    assert (output / "labels.txt").read_text() == "another's"
    assert not list(scratch.iterdir())
