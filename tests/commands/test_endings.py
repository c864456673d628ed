"""How every command ends: Ctrl-C at any time, closed pipes, --version."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tomllib

import pytest

import biaffine_tf

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = "examples/dev.jsonl"
# Arguments with which each command prints more than its help.
COMMANDS = {
    "run_classifier.py": (
        "--flagfile=recipes/demo.flags",
        "--check_only",
    ),
    "run_predict.py": None,
    "pretrain/create_pretraining_data.py": None,
    "pretrain/create_embeddings.py": None,
    "pretrain/run_pretraining.py": None,
    "biaffine_tf.checkpoints": None,
    "biaffine_tf.display": ("--count=0", EXAMPLE),
    "biaffine_tf.ensemble": None,
    "biaffine_tf.evaluation": (EXAMPLE, EXAMPLE, "--breakdowns"),
    "biaffine_tf.evaluation.audit": (EXAMPLE,),
    "biaffine_tf.model_directory": None,
    "biaffine_tf.readers": (EXAMPLE,),
    "biaffine_tf.recipe": ("examples/recipe.toml", "--list", "--work_dir=out"),
    "biaffine_tf.selection": None,
    "biaffine_tf.tune": None,
    "biaffine_tf.vocabulary": None,
}
# Programs that others of ours start: no commands.
INTERNAL = {
    "biaffine_tf.commands",
    "biaffine_tf.export.answering",
    "biaffine_tf.export.answering_onnx",
}
# Modules that commands load which read no data at first.
LOADED_BY = {
    "biaffine_tf.ensemble": "biaffine_tf.commands.ensemble",
    "biaffine_tf.recipe": "biaffine_tf.recipe.running",
}
INTERRUPT = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
"""

pytestmark = pytest.mark.slow  # runs every command


def _line(name, *arguments):
    if name.endswith(".py"):
        return [sys.executable, name, *arguments]
    return [sys.executable, "-m", name, *arguments]


def test_every_command_is_here_and_ends_as_the_others_do():
    found, modules = set(), set()
    for path in (
        *ROOT.glob("*.py"),
        *(ROOT / "pretrain").glob("*.py"),
        *(ROOT / "biaffine_tf").rglob("*.py"),
    ):
        source = path.read_text(encoding="utf-8")
        if '__name__ == "__main__"' not in source:
            continue
        name = str(path.relative_to(ROOT))
        if name.startswith("biaffine_tf/"):
            name = name.removesuffix(".py").removesuffix("/__main__")
            name = name.replace("/", ".")
        if name in INTERNAL:
            continue
        found.add(name)
        (module,) = re.findall(
            r"biaffine_tf\.commands(?: import |\.)(\w+)", source
        )
        modules.add(f"biaffine_tf.commands.{module}:run")
        module = ROOT / f"biaffine_tf/commands/{module}.py"
        source_of_command = module.read_text("utf-8")
        ends = r"\n +(running|console)\.run\(|\nrun = .*\(console\.run, main\)"
        assert re.search(ends, source_of_command), name
        if name.endswith(".py"):
            ours = re.findall(r"^(?:from|import) biaffine_tf.*", source, re.M)
            assert "import biaffine_tf.starting" in ours[0], name
    assert found == set(COMMANDS)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert modules == set(project["project"]["scripts"].values())


def test_every_command_has_a_version():
    running = [
        subprocess.Popen(
            _line(name, "--version"), cwd=ROOT, stdout=subprocess.PIPE
        )
        for name in COMMANDS
    ]
    for process in running:
        out, _ = process.communicate()
        assert out.decode() == f"biaffine_tf {biaffine_tf.__version__}\n"
        assert process.returncode == 0


def _ended_by_closed_pipe(line):
    with subprocess.Popen(
        line,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()  # before it has written anything
        errors = process.stderr.read().decode()
    # argparse itself passes over what it cannot write of its help.
    is_argparse_help = "--help" in line and "-m" in line
    assert process.returncode in ((0, 141) if is_argparse_help else (141,))
    return errors


@pytest.mark.parametrize("name", COMMANDS)
def test_a_closed_pipe_ends_a_command_without_a_word(name, tmp_path):
    assert _ended_by_closed_pipe(_line(name, "--help")) == ""
    if COMMANDS[name] is None:
        return
    arguments = [*COMMANDS[name]]
    if name == "run_classifier.py":
        arguments.append(f"--output_dir={tmp_path / 'out'}")
    errors = _ended_by_closed_pipe(_line(name, *arguments))
    assert "Traceback" not in errors and "error" not in errors


@pytest.mark.parametrize(
    "line",
    [
        "biaffine_tf.readers FILE",
        "biaffine_tf.readers FILE --json",
        "biaffine_tf.display FILE",
        "biaffine_tf.evaluation FILE FILE",
        "biaffine_tf.evaluation FILE FILE --json",
        "biaffine_tf.evaluation.audit FILE",
        "biaffine_tf.evaluation.audit FILE --json",
    ],
)
def test_a_terminal_without_the_characters_is_no_error(line, tmp_path):
    path = tmp_path / "a.jsonl"
    spans = '"spans": [{"start": 0, "end": 1, "label": "%s"}]}\n'
    rows = [
        f'{{"id": "{label}", "text": "甲乙", {spans % label}'
        for label in "丙丁"
    ]
    path.write_text("".join(rows), encoding="utf-8")
    done = subprocess.run(
        _line(*line.replace("FILE", str(path)).split()),
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u4e19" in done.stdout


def _interrupted(line, module, folder):
    """The exit code and standard error of a command that meets Ctrl-C."""
    (folder / "sitecustomize.py").write_text(INTERRUPT)
    done = subprocess.run(
        line,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(folder),
            "INTERRUPT_AT": module,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_while_a_command_loads(name, tmp_path):
    at = "absl" if name.endswith(".py") else "biaffine_tf.formats.options"
    at = LOADED_BY.get(name, at)
    line = _line(name, "--version")
    assert _interrupted(line, at, tmp_path) == (130, "\ninterrupted\n")


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("biaffine_tf.readers", "rich.table"),
        ("biaffine_tf.evaluation", "rich.table"),
        ("run_classifier.py", "biaffine_tf.corpora.checks.check"),
    ],
)
def test_ctrl_c_while_a_command_works(name, module, tmp_path):
    line = _line(name, *COMMANDS[name])
    if name == "run_classifier.py":
        line.append(f"--output_dir={tmp_path / 'out'}")
    code, errors = _interrupted(line, module, tmp_path)
    # Python itself ends by the signal where it passed through exec().
    assert code in (130, -signal.SIGINT)
    assert errors.endswith("\ninterrupted\n") and "Traceback" not in errors


ENDS = """
import sys
from biaffine_tf import console
from biaffine_tf.errors import DataError

def main():
    {}

console.run(main, out_of_memory="buy more")
"""


def _run(body, *, text=ENDS, **options):
    return subprocess.run(
        [sys.executable, "-c", text.format(body)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        ("raise DataError('no good')", 2, "error: no good"),
        (
            "raise MemoryError('much')",
            2,
            "error: out of memory: much; buy more",
        ),
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("raise ZeroDivisionError", 1, "ZeroDivisionError"),
    ],
)
def test_a_progress_bar_ends_before_what_is_said(raised, code, line):
    body = "import tqdm; bar = tqdm.tqdm(total=9); bar.update(2); " + raised
    done = _run(body)
    assert done.returncode == code
    lines = done.stderr.split("\n")
    assert lines[-1] == "" and lines[-2] == line
    (at,) = [n for n, one in enumerate(lines) if "2/9" in one]
    assert not any("2/9" in one for one in lines[at + 1 :])
    assert at < len(lines) - 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return 0", 0),
        ("return None", 0),
        ("return 3", 3),
        ("sys.exit(4)", 4),
        ("sys.exit()", 0),
        ("sys.exit('words')", 1),
    ],
)
def test_exit_codes_are_those_of_the_command(body, code):
    done = _run(body)
    assert done.returncode == code
    assert done.stderr == ("words\n" if "words" in body else "")


def test_a_full_disk_behind_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = _run("print('x')", stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("error: No space left on device; check the")
    assert len(done.stderr.splitlines()) == 1


def test_standard_output_that_is_closed_is_none():
    text = "import os, sys; os.close(1); sys.stdout = None\n" + ENDS
    assert _run("print('x')", text=text).returncode == 0


def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it():
    text = (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + ENDS
    )
    body = "import os, signal; os.kill(os.getpid(), signal.SIGINT); return 5"
    assert _run(body, text=text).returncode == 5


def test_child_processes_are_left_to_their_parent():
    from biaffine_tf.console import interrupts_held

    code = "import signal; print(signal.pthread_sigmask(0, []))"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with interrupts_held():
        masked = subprocess.check_output(
            [sys.executable, "-c", code], text=True
        )
    assert "SIGINT" in masked
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_importing_the_package_changes_nothing_about_ctrl_c():
    code = (
        "import signal, biaffine_tf, biaffine_tf.readers\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
