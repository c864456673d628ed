"""The plan: counts, times and memory by hand, then a whole one."""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
import types

import pytest
import tiny

from biaffine_tf import formats
from biaffine_tf.config import ExperimentConfig, HeadConfig, TrainingConfig
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.planning import maps, plan, units
from biaffine_tf.planning.probe import (
    Peak,
    StepMemory,
    StepTime,
    epoch_seconds,
    measure,
)
from biaffine_tf.records.span_batches import Buckets, Shape
from biaffine_tf.spans import Sentence, Span

BUCKETS = Buckets(
    lengths=(8, 18, 38), batch_sizes=(4, 4, 2), sentences=(6, 8, 3)
)
TIMES = [StepTime(Shape(10, 4), 0.4), StepTime(Shape(40, 2), 3.2)]


def test_rows_of_the_model_and_the_data():
    model = tiny.model()
    rows = dict(plan.parameter_rows(model))
    embeddings = (tiny.encoder_config().vocab_size + 40 + 2) * 16
    head = model.head.count_params()
    trained = sum(math.prod(v.shape) for v in model.trainable_variables)
    assert list(rows.values()) == [
        units.count(number)
        for number in (trained - head, embeddings, head, trained)
    ]
    assert plan.data_rows(BUCKETS, {8: 6, 13: 8, 38: 3}) == [
        ("training sentences", "17"),
        ("positions an epoch, padded", "340"),
        ("padding", "11.8%"),  # 8 sentences lack 5 each
        ("longest batch", "2 sentences of 40 positions"),
        ("steps an epoch", "6"),
    ]


def test_features_of_all_pairs_that_hardly_fit_are_warned_of(monkeypatch):
    records = types.SimpleNamespace(lengths={10: 20, 220: 1})
    training = TrainingConfig(train_batch_size=16, num_buckets=1)
    config = dataclasses.replace(
        tiny.model_config(),
        head=HeadConfig(name="cnn", cnn_channels=12, cnn_depth=2),
    )
    model = SpanModel(config, num_classes=4)
    needed = 4 * 16 * 220**2 * 12 * 16  # 16 sentences, 16 tensors of [L, L, 12]
    for limit, expected in ((2 * needed, False), (2 * needed + 1, True)):
        monkeypatch.setattr(maps.machine, "memory_limit", lambda n=limit: n)
        warning = maps.map_warning(training, records, model)
        assert bool(warning) != expected
    monkeypatch.setattr(maps.machine, "memory_limit", lambda: needed)
    warning = maps.map_warning(training, records, model)
    assert "--head=cnn" in warning and "220 tokens" in warning
    assert units.format_bytes(needed) in warning
    assert not maps.map_warning(training, records, tiny.model())


def test_time_of_an_epoch_is_interpolated_by_length():
    # Seconds a position: 0.01 at 10, 0.04 at 40, so 0.02 at 20.
    want = 6 * 10 * 0.01 + 8 * 20 * 0.02 + 3 * 40 * 0.04
    assert epoch_seconds(BUCKETS, TIMES) == pytest.approx(want)
    one = [StepTime(Shape(20, 4), 1.6)]
    assert epoch_seconds(BUCKETS, one) == pytest.approx(340 * 0.02)
    assert plan.time_rows(TIMES, epoch=8.6, evaluation=1.4, epochs=100) == [
        ("a step of 4 sentences of 10 positions", "0.4 s"),
        ("a step of 2 sentences of 40 positions", "3.2 s"),
        ("training, an epoch", "8.6 s"),
        ("evaluation, an epoch", "1.4 s"),
        ("in all, 100 epochs", "17 min"),
    ]


@pytest.mark.parametrize(
    ("shown", "want"),
    [
        (units.format_bytes(0), "0.0 MiB"),
        (units.format_bytes((1 << 30) - 1), "1024.0 MiB"),
        (units.format_bytes(5 << 29), "2.50 GiB"),
        (units.format_bytes(None), "unknown"),
        (units.format_seconds(0.01234), "0.0123 s"),
        (units.format_seconds(600), "10 min"),
        (units.format_seconds(9000), "2.5 h"),
    ],
)
def test_units(shown, want):
    assert shown == want


def test_middle_batch_is_around_the_median():
    sentences = [Sentence("a" * (1 + n * 37 % 101)) for n in range(101)]
    lengths = [len(s.text) for s in plan.middle_batch(sentences)]
    assert lengths == list(range(19, 83))
    assert len(plan.middle_batch(sentences[:5])) == 5


def _peak(sentences):
    """The update's gradients, or the activations if they are more."""
    return 1000 + max(300, 100 * sentences)


@pytest.mark.parametrize("limit", [None, 5000])
def test_memory_is_extrapolated_from_a_quarter_of_the_batch(limit):
    found = measure(_peak, 32, limit)
    assert [size for size, _ in found.peaks] == [1, 2, 4, 8]
    assert found.expected == 4200 and found.fits
    assert measure(lambda _: None, 32, limit) is None


def test_no_step_is_tried_that_might_not_fit():
    found = measure(_peak, 320, 4000)
    assert [size for size, _ in found.peaks] == [1, 2, 4, 8, 16]
    assert not found.fits
    assert found.max_sentences == 30
    assert "at most 30 sentences would" in plan.too_much(found)


def test_batch_that_no_sentence_fits():
    found = StepMemory((Peak(1, 900), Peak(2, 1000)), 8, 400)
    assert found.max_sentences == 0
    assert "not even one would" in plan.too_much(found)


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
    monkeypatch.setattr(maps.machine, "has_bfloat16", lambda: True)
    monkeypatch.setattr(
        plan.tf.config, "get_visible_devices", lambda kind: list(details)
    )
    monkeypatch.setattr(
        plan.tf.config.experimental, "get_device_details", details.get
    )
    assert plan._bfloat16_device() == want


class _FullProbe(plan.Probe):
    """A probe of a machine that is too small."""

    def __init__(self, *_, **__):
        pass

    def memory(self):
        return StepMemory((Peak(2, 800), Peak(4, 1000)), 32, 1500)


def test_no_full_step_is_tried_that_does_not_fit(monkeypatch, capsys):
    monkeypatch.setattr(plan, "Probe", _FullProbe)
    plan.print_plan(
        ExperimentConfig(model=tiny.model_config()),
        types.SimpleNamespace(lengths={8: 600}, labels=tiny.LABELS),
        tiny.model(),
        strategy=None,
        sentences=[],
        evaluator=None,
        remedy="give less",
    )
    out = " ".join(capsys.readouterr().out.split())
    assert "at most 9 sentences would; give less. No full step is tried." in out


def _plan(root, folder, config, *flags, **env):
    """Runs --plan on train.jsonl and dev.jsonl of a folder."""
    tiny.write_vocabulary(folder / "vocab.txt")
    path = folder / "bert_config.json"
    path.write_text(json.dumps(config.to_dict()))
    done = subprocess.run(
        [
            sys.executable,
            "run_classifier.py",
            "--plan",
            f"--train_data={folder / 'train.jsonl'}",
            f"--eval_data={folder / 'dev.jsonl'}",
            f"--vocab_file={folder / 'vocab.txt'}",
            f"--bert_config_file={path}",
            f"--output_dir={folder / 'output'}",
            *flags,
        ],
        capture_output=True,
        text=True,
        cwd=root,
        env=os.environ | env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_command_says_all_and_touches_nothing(root, tmp_path):
    """Also with an --output_dir that holds another experiment."""
    for name, count in [("train", 60), ("dev", 90)]:
        path = tmp_path / f"{name}.jsonl"
        formats.write(path, tiny.sentences(count), "span_jsonl")
    output, scratch = tmp_path / "output", tmp_path / "scratch"
    for folder in (output, scratch):
        folder.mkdir()
    (output / "labels.txt").write_text("another's")
    done = _plan(
        root,
        tmp_path,
        tiny.encoder_config(),
        "--max_seq_length=40",
        "--train_batch_size=2",
        "--num_train_epochs=3",
        TMPDIR=str(scratch),
    )
    for row in [
        "trained in all",
        "steps in all, 3 epochs",
        "step of 2 sentences, measured",
        "step of 2 sentences, extrapolated",
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


@pytest.mark.slow
def test_extrapolated_memory_is_that_of_a_full_batch(root, tmp_path):
    sentences = [Sentence("天" * 120, (Span(0, 2, "name"),))] * 64
    for name in ("train", "dev"):
        path = tmp_path / f"{name}.jsonl"
        formats.write(path, sentences, "span_jsonl")
    config = tiny.encoder_config(
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
        max_position_embeddings=128,
    )
    done = _plan(root, tmp_path, config, "--train_batch_size=64")
    rows = re.findall(r"(\w+) +│ +([\d.]+) (GiB|MiB)", done.stdout)
    sizes = [
        (what, float(n) * (1024 if u == "GiB" else 1)) for what, n, u in rows
    ]
    (expected,) = [size for what, size in sizes if what == "extrapolated"]
    *small, used = [size for what, size in sizes if what == "measured"]
    assert 0.75 * used < expected < 1.33 * used
    assert used > 1.2 * small[0]  # else it would say nothing
