"""The memory of a step: the formulas by hand, and a real peak."""

import json
import pathlib
import subprocess
import sys

import pytest

from biaffine_tf.config import EncoderConfig, HeadConfig, Precision
from biaffine_tf.heads.biaffine import blocks
from biaffine_tf.heads.biaffine.head import BiaffineHead
from biaffine_tf.planning import memory

MEASURE = pathlib.Path(__file__).with_name("measure_step.py")
ENCODER = EncoderConfig(
    vocab_size=10,
    hidden_size=4,
    num_hidden_layers=3,
    num_attention_heads=2,
    intermediate_size=8,
)


def test_state_counts_weights_gradients_and_two_moments():
    parameters = memory.Parameters(
        encoder=1000, embeddings=400, head=50, trained=900
    )
    assert memory.state_memory(parameters) == {
        "weights": 4 * 1050,
        "gradients": 4 * 900,
        "moments": 8 * 900,
    }


@pytest.mark.parametrize(
    ("precision", "narrow"),
    [
        (Precision.FLOAT32, 4),
        (Precision.BFLOAT16, 2),
        (Precision.FLOAT16, 2),
    ],
)
def test_activations_of_a_layer(precision, narrow):
    """Three sentences of five positions, tensor by tensor."""
    positions, weights = 3 * 5, 3 * 2 * 5 * 5
    products = 6 * positions * 4 + positions * 8 + weights
    others = 4 * positions * 4 + 2 * positions * 8 + 2 * weights
    assert memory.layer_activations(
        ENCODER, batch=3, length=5, precision=precision
    ) == (narrow * products + 4 * others)


def test_checkpointing_keeps_the_inputs_of_layers_and_one_layer():
    shape = {"batch": 3, "length": 5, "precision": Precision.FLOAT32}
    layer = memory.layer_activations(ENCODER, **shape)
    whole, inputs = (
        memory.encoder_activations(
            ENCODER, **shape, gradient_checkpointing=checkpointing
        )
        for checkpointing in (False, True)
    )
    assert whole == 3 * layer
    assert inputs == 3 * (4 * 3 * 5 * 4) + layer


@pytest.mark.parametrize(("head", "layer"), [(7, 5), (5, 7)])
def test_head_and_gradients_of_a_layer_are_not_there_at_once(head, layer):
    estimate = memory.MemoryEstimate(
        program=100000,
        weights=20000,
        gradients=3000,
        moments=400,
        encoder=50,
        head=head,
        layer=layer,
    )
    assert estimate.total == 123457


def test_head_holds_one_block_of_pairs(monkeypatch):
    def head(length, max_floats):
        monkeypatch.setattr(blocks, "MAX_FLOATS", max_floats)
        return BiaffineHead.memory(
            HeadConfig(projection_size=9),
            batch=2,
            length=length,
            num_classes=3,
        )

    projections = 4 * 8 * 2 * 20 * 10
    row = 2 * 3 * (20 + 10)
    assert head(20, 10**9) == projections + 4 * 4 * 20 * row
    assert head(20, 7 * row) == projections + 4 * 4 * 7 * row
    assert head(20, 1) == projections + 4 * 4 * row


@pytest.mark.slow
@pytest.mark.parametrize("checkpointing", [False, True])
def test_estimate_against_a_measured_peak(root, checkpointing):
    """Within a factor of 2 of what a step adds to the process."""
    done = subprocess.run(
        [sys.executable, str(MEASURE), str(int(checkpointing))],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    ratio = figures["estimated"] / figures["measured"]
    assert 0.5 < ratio < 2, figures
