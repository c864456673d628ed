"""Commands that need no heavy package do not load one."""

import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "tf_keras", "torch", "jax", "jinja2", "matplotlib"}
FILE = "examples/dev.jsonl"
COMMANDS = {
    "evaluation FILE FILE --train FILE": {"numpy", "scipy"},
    "evaluation.audit FILE": {"numpy", "scipy"},
    "evaluation.audit FILE --json": {"numpy", "scipy", "rich"},
    "display FILE": set(),
    "readers FILE": {"numpy", "absl", "tokenizers"},
}


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_loads_little(root, line):
    command, *arguments = line.replace("FILE", FILE).split()
    program = [sys.executable, "-X", "importtime"]
    done = subprocess.run(
        [*program, "-m", f"biaffine_tf.{command}", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert done.stdout and "biaffine_tf.spans" in modules
    assert not modules & (HEAVY | COMMANDS[line])
