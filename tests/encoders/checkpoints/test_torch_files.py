"""Files that torch.save makes: weights are found, or one line says why not."""

import argparse
import collections
import pathlib
import pickle
import random

import numpy as np
import pytest
from checkpoint_samples import assert_same, huggingface_directory
from safetensors.numpy import load_file

from biaffine_tf.commands.convert import main
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import ConfigError

torch = pytest.importorskip("torch", reason="torch is not installed")

ADVICE = ("weights_only", "safe_globals", "trust", "pytorch.org")


@pytest.fixture
def encoder(tmp_path):
    """A directory whose weights are to be written, and these."""
    folder = huggingface_directory(tmp_path / "e", "bert", "mlm")
    want = checkpoints.open_source(str(folder)).read()
    path = folder / "model.safetensors"
    tensors = {k: torch.tensor(v) for k, v in load_file(path).items()}
    path.unlink()
    return folder, tensors, want


def _parameters(tensors):
    return {k: torch.nn.Parameter(v) for k, v in tensors.items()}


def _optimizer(tensors):
    """State of an optimizer: more tensors than the weights are."""
    state = {
        i: {"exp_avg": v, "exp_avg_sq": v, "step": torch.tensor(1.0)}
        for i, v in enumerate(tensors.values())
    }
    return {"state": state, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}


CONTENTS = {
    "plain": lambda t: t,
    "ordered": collections.OrderedDict,
    "in state_dict": lambda t: {"state_dict": t, "epoch": 3},
    "in model": lambda t: {"model": t, "optimizer": _optimizer(t)},
    "in a name of its own": lambda t: {"weights": t, "loss": torch.tensor(1.0)},
    "deep": lambda t: {"a": {"b": {"c": t}}, "note": "best", "none": None},
    "averaged, too": lambda t: {
        "ema": {k: v + 1 for k, v in t.items()},
        "state_dict": t,
    },
    "flat state of an optimizer": lambda t: {
        "module": t,
        "optim": {f"{k}.{s}": v for k, v in t.items() for s in "mv"},
    },
    "scalars and lists": lambda t: {
        **t,
        "epoch": 3,
        "rate": 1e-3,
        "names": ["a"],
        "done": True,
        3: torch.ones(2),
    },
    "parameters": _parameters,
    "graph": lambda t: {k: v.requires_grad_() for k, v in t.items()},
    "double": lambda t: {k: v.to(torch.float64) for k, v in t.items()},
    "strided": lambda t: {
        k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in t.items()
    },
    "sparse": lambda t: {
        k: v.to_sparse() if "word_embeddings" in k else v for k, v in t.items()
    },
    "with a tensor of integers": lambda t: t | {"steps": torch.arange(3)},
    "module.": lambda t: {f"module.{k}": v for k, v in t.items()},
    "model.": lambda t: {f"model.{k}": v for k, v in t.items()},
    "_orig_mod.": lambda t: {f"_orig_mod.{k}": v for k, v in t.items()},
    "inner _orig_mod.": lambda t: {
        k.replace("bert.", "bert._orig_mod."): v for k, v in t.items()
    },
    "0.auto_model.": lambda t: {
        f"0.auto_model.{k.removeprefix('bert.')}": v for k, v in t.items()
    },
    "several": lambda t: {
        f"module._orig_mod.model.{k}": v for k, v in t.items()
    },
}


@pytest.mark.parametrize(
    ("content", "old"), [("plain", True), *((one, False) for one in CONTENTS)]
)
def test_weights_are_found(encoder, content, old):
    folder, tensors, want = encoder
    torch.save(
        CONTENTS[content](tensors),
        folder / "pytorch_model.bin",
        _use_new_zipfile_serialization=not old,
    )
    source = checkpoints.open_source(str(folder))
    assert_same(source.read(), want)
    if content == "scalars and lists":
        assert set(source.unused) == {"epoch", "rate", "names", "done", "3"}
    if content == "in model":
        assert source.unused == ("optimizer",)


class Unknown:
    """A class of no library."""


class Wicked:
    """Runs a program when it is loaded by a careless reader."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.path),)


REFUSED = {
    "a module": (lambda t: torch.nn.Linear(2, 2), "torch.nn.modules.linear"),
    "arguments": (
        lambda t: {"model": t, "args": argparse.Namespace(a=1)},
        "but argparse.Namespace, and is not loaded",
    ),
    "another object": (lambda t: {**t, "x": Unknown()}, r"\.Unknown, and is n"),
    "arrays": (
        lambda t: {k: v.numpy() for k, v in t.items()},
        "numpy.*and is not loaded",
    ),
    "a list": (lambda t: list(t.values()), "an object of type list"),
    "a tensor": (lambda t: torch.ones(2), "an object of type Tensor"),
    "nothing": (lambda t: None, "an object of type NoneType"),
    "no tensor": (lambda t: {"epoch": 3}, "no tensors with names"),
    "numbers for names": (
        lambda t: dict(enumerate(t.values())),
        "no tensors with names",
    ),
    "another's tensors": (
        lambda t: {"fc.weight": torch.ones(2)},
        "no encoder of a known format",
    ),
    "complex numbers": (
        lambda t: {k: v.to(torch.complex64) for k, v in t.items()},
        "the tensor is of complex numbers",
    ),
    "no data": (
        lambda t: {k: v.to("meta") for k, v in t.items()},
        "the tensor is without data",
    ),
    "not finite": (
        lambda t: {k: v.double() * 1e300 for k, v in t.items()},
        "numbers that are not finite",
    ),
}


def _refusal(folder, capsys):
    """The line that the command prints; reading gives the same."""
    with pytest.raises(ConfigError) as caught:
        checkpoints.open_source(str(folder)).read()
    main([str(folder), "--to=huggingface", f"--output={folder}/out"])
    error = capsys.readouterr().err
    assert error == f"error: {caught.value}\n"
    assert not any(word in error for word in ADVICE), error
    return str(caught.value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("content", REFUSED)
def test_what_is_no_weights_is_refused_in_one_line(encoder, capsys, content):
    folder, tensors, _ = encoder
    make, message = REFUSED[content]
    torch.save(make(tensors), folder / "pytorch_model.bin")
    line = _refusal(folder, capsys)
    with pytest.raises(ConfigError, match=message):
        raise ConfigError(line)


def test_programs_are_not_run(encoder, capsys, tmp_path):
    folder, tensors, _ = encoder
    trace = tmp_path / "was here"
    torch.save({**tensors, "x": Wicked(trace)}, folder / "pytorch_model.bin")
    assert "is not loaded" in _refusal(folder, capsys)
    with open(folder / "pytorch_model.bin", "wb") as file:
        pickle.dump(Wicked(trace), file)
    _refusal(folder, capsys)
    assert not trace.exists()


def test_torch_script_is_called_by_its_name(encoder, capsys):
    folder = encoder[0]
    script = torch.jit.script(torch.nn.Linear(2, 2))
    script.save(folder / "pytorch_model.bin")
    assert "a TorchScript program" in _refusal(folder, capsys)


@pytest.mark.parametrize("old", [False, True])
def test_damaged_bytes_are_one_line(encoder, capsys, old):
    folder, tensors, want = encoder
    path = folder / "pytorch_model.bin"
    torch.save(tensors, path, _use_new_zipfile_serialization=not old)
    whole = path.read_bytes()
    rng = random.Random(0)
    spoilt = [b"", b"PK", whole[:-9], whole[: len(whole) // 2]]
    spoilt += [rng.randbytes(rng.randint(1, 300)) for _ in range(30)]
    for _ in range(30):  # among the names and types
        copy = bytearray(whole)
        for _ in range(3):
            copy[rng.randrange(4000)] = rng.randrange(256)
        spoilt.append(bytes(copy))
    for content in spoilt:
        path.write_bytes(content)
        try:
            read = checkpoints.open_source(str(folder)).read()
        except ConfigError:
            assert str(path) in _refusal(folder, capsys)
        else:  # the damage hit what nobody reads
            assert all(np.isfinite(x).all() for x in read.values())
            assert read.keys() <= want.keys()
