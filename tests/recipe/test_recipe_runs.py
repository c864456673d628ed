"""Recipes of trivial commands, killed at any moment."""

import json
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from biaffine_tf.errors import ConfigError
from biaffine_tf.locks import locked
from biaffine_tf.recipe.contents import Contents
from biaffine_tf.recipe.description import read_recipe
from biaffine_tf.recipe.files_of import named_files
from biaffine_tf.recipe.running import STATE, Work

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Copies files, says that it ran, and waits for a file if it is told to.
STAGE = """\
import os, sys, time
flags = dict(word[2:].split("=", 1) for word in sys.argv[1:])
folder = flags["output_dir"]
os.makedirs(folder, exist_ok=True)
resumed = os.path.exists(os.path.join(folder, "begun"))
with open(os.path.join(os.path.dirname(sys.argv[0]), "runs"), "a") as file:
    file.write(os.path.basename(folder) + (" again" if resumed else "") + "\\n")
open(os.path.join(folder, "begun"), "w").close()
go = os.path.join(os.path.dirname(sys.argv[0]), "go")
while flags.get("wait") and not os.path.exists(go):
    time.sleep(0.01)
paths = filter(None, flags.get("read", "").split(","))
text = "".join(open(path).read() for path in paths)
with open(os.path.join(folder, "text"), "w") as file:
    file.write(text + flags.get("add", ""))
"""
RECIPE = """\
[settings]
data = "{data}"
last = "z"

[[stage]]
name = "both"
command = "stage"
args = ["--read={{left.output}}/text,{{right.output}}/text"]
flags = {{add = "{{last}}", output_dir = "{{output}}"}}

[[stage]]
name = "left"
command = "stage"
flags = {{read = "{{data}}/left", output_dir = "{{output}}"}}

[[stage]]
name = "right"
command = "stage"
inputs = ["{{data}}/note"]
flags = {{wait = "yes", add = "r", output_dir = "{{output}}"}}
"""


@pytest.fixture
def place(tmp_path):
    """A folder with a recipe, its data, and the program of its stages."""
    (tmp_path / "stage.py").write_text(STAGE)
    (tmp_path / "left").write_text("l")
    (tmp_path / "go").touch()
    text = RECIPE.format(data=tmp_path)
    (tmp_path / "recipe.toml").write_text(text)
    return tmp_path


def open_work(place, **settings):
    recipe = read_recipe(str(place / "recipe.toml"), settings)
    program = [sys.executable, "-S", str(place / "stage.py")]
    return Work(recipe, str(place / "results"), program=lambda _: program)


def run(place, **settings):
    """Runs the recipe; returns what ran."""
    (place / "runs").write_text("")
    open_work(place, **settings).run()
    return (place / "runs").read_text().split("\n")[:-1]


def result(place):
    return (place / "results" / "both" / "text").read_text()


def test_only_what_has_changed_is_redone(place, capsys):
    assert run(place) == ["left", "right", "both"]
    assert result(place) == "lrz"
    assert run(place) == []
    (place / "left").write_text("L")
    assert run(place) == ["left", "both"]
    assert result(place) == "Lrz"
    assert f"left: {place / 'left'} has changed" in capsys.readouterr().out
    assert run(place, last="y") == ["both"]
    assert "with --add=y" in capsys.readouterr().out
    (place / "results" / "right" / "text").unlink()
    assert run(place, last="y") == ["right"]  # and it is the same again
    (place / "note").touch()
    assert run(place, last="y") == ["right"]
    (place / "results" / "right" / "more.log").touch()  # does not matter
    assert run(place, last="y") == []
    (place / "results").rename(place / "moved")
    (place / "moved").rename(place / "results")
    assert run(place, last="y") == []
    assert result(place) == "Lry"


def test_the_table_and_the_commands_are_shown(place):
    work = open_work(place)
    lines = list(work.table())
    assert [line.split()[0] for line in lines] == ["left", "right", "both"]
    assert all("never run" in line for line in lines)
    work.run()
    (place / "left").write_text("new")
    states = [line.split()[1] for line in open_work(place).table()]
    assert states == ["to", "done", "to"]
    assert "to check" in list(open_work(place).table())[2]
    name, command = list(work.commands())[2]
    assert name == "both"
    assert command.startswith("python -m biaffine_tf.commands stage ")
    assert (
        f"--read={place}/results/left/text,{place}/results/right/text"
        in command
    )


def test_one_at_a_time(place):
    with (
        locked(place / "results"),
        pytest.raises(ConfigError, match="another process writes to it"),
    ):
        open_work(place).run()


def test_failures_name_the_log(place):
    (place / "left").unlink()
    with pytest.raises(ConfigError, match=r"exit code 1: FileNotFoundError"):
        run(place)
    (place / "left").write_text("l")
    assert run(place) == ["left", "right", "both"]


_RUNNER = """\
import sys
sys.path.insert(0, {root!r})
from biaffine_tf.recipe.description import read_recipe
from biaffine_tf.recipe.running import Work
program = [sys.executable, "-S", {stage!r}]
recipe = read_recipe({recipe!r}, {{}})
Work(recipe, {work!r}, program=lambda _: program).run()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_recipe_goes_on_with_its_stage(place, number):
    (place / "go").unlink()
    (place / "runs").touch()
    code = _RUNNER.format(
        root=str(ROOT),
        stage=str(place / "stage.py"),
        recipe=str(place / "recipe.toml"),
        work=str(place / "results"),
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    _wait_for(lambda: "right" in (place / "runs").read_text())
    _wait_for((place / "results" / "right" / "begun").exists)
    stage = _child_of(process.pid)
    process.send_signal(number)
    code = process.wait()
    assert code == (143 if number == signal.SIGTERM else -number)
    _wait_for(lambda: not _is_alive(stage))  # it ends with its parent
    state = json.loads((place / "results" / STATE).read_text())["stages"]
    assert state["left"]["is_done"] and not state["right"]["is_done"]
    table = list(open_work(place).table())
    assert re.search(
        r"right\s+continues\s.*its last start did not end", table[1]
    )
    (place / "go").touch()
    assert run(place) == ["right again", "both"]
    assert result(place) == "lrz"


@pytest.mark.parametrize("is_clear", [False, True])
def test_a_kill_before_the_output_is_cleared_clears_it(place, is_clear):
    run(place)
    path = place / "results" / STATE
    state = json.loads(path.read_text())
    state["stages"]["left"] |= {"is_done": False, "is_clear": is_clear}
    path.write_text(json.dumps(state))
    assert run(place) == ["left again" if is_clear else "left"]


def _wait_for(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def _child_of(parent):
    path = f"/proc/{parent}/task/{parent}/children"
    (child,) = pathlib.Path(path).read_text().split()
    return int(child)


def _is_alive(process):
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stage = [", "not TOML"),
        ("", "stage is missing"),
        ("stage = []", "it has no stage"),
        ('[[stage]]\nname = "a"', r"stage\[0\].command is missing"),
        ('[[stage]]\nname = "a"\ncommand = "x"\nflag = 1', "key 'flag'"),
        ('[[stage]]\nname = "../a"\ncommand = "x"', "cannot be the name"),
        ('[[stage]]\nname = "logs"\ncommand = "x"', "cannot be the name"),
        ('[[stage]]\nname = "a"\ncommand = "x"\nargs = ["{b}"]', "refers to"),
        (
            '[[stage]]\nname = "a"\ncommand = "x"\nargs = ["{a.output}"]',
            "refers to",
        ),
        (
            '[[stage]]\nname = "a"\ncommand = "x"\noutput = "../b"\n'
            'args = ["{output}"]',
            "no plain name",
        ),
        (2 * '[[stage]]\nname = "a"\ncommand = "x"\n', "the same name"),
    ],
)
def test_bad_recipes_are_refused_in_a_line(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(str(path), {})
    assert str(path) in str(caught.value)


def test_unknown_settings_are_refused(place):
    with pytest.raises(ConfigError, match="no such setting"):
        open_work(place, more="1")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_recipe(str(place / "absent.toml"), {})


def test_digests_follow_content_but_not_what_is_volatile(tmp_path):
    folder = tmp_path / "out"
    (folder / "fold-1" / "logs").mkdir(parents=True)
    (folder / "fold-1" / "weights").write_text("1")
    contents = Contents()
    first = contents.digest(str(folder))
    for volatile in ("fold-1/logs/x", "scores.json", "a.log", ".lock"):
        (folder / volatile).write_text("x")
    assert (
        contents.digest(str(folder)) == first == Contents().digest(str(folder))
    )
    for change in (
        lambda: (folder / "fold-1" / "weights").write_text("22"),
        lambda: (folder / "fold-1" / "weights").rename(folder / "weights"),
        lambda: (folder / "weights").unlink(),
    ):
        change()
        assert contents.digest(str(folder)) == Contents().digest(str(folder))
        assert contents.digest(str(folder)) != first
    assert contents.digest(str(tmp_path / "absent")) is None


def test_files_are_found_in_flags_and_in_files_of_flags(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt", "data/c.txt", "data/d.txt", "e"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "inner.flags").write_text("--eval_data=data/d.txt\n# a.txt\n")
    (tmp_path / "outer.flags").write_text("--flagfile=inner.flags\n")
    assert named_files(["--flagfile=outer.flags", "--x=[ab].txt", "e"]) == [
        *("a.txt", "b.txt", "data/d.txt", "e", "inner.flags", "outer.flags")
    ]
    assert named_files(["--data_dir=data", "--train_data=c.txt,absent"]) == [
        "data/c.txt"
    ]
