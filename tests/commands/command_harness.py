"""Runs many command lines, as a user would, in one process.

Each call is the real script with its real flags; starting a process for each
would load TensorFlow each time.
"""

import contextlib
import dataclasses
import io
import json
import pathlib
import runpy
import subprocess
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Outcome:
    """What a call did."""

    code: int
    out: str
    err: str
    tensorflow: bool  # loaded, by this call or one before it


def run_all(
    calls: list[list[str]], *, has_loaded: bool = False
) -> list[Outcome]:
    """Outcomes of command lines (script or module, flags), run in order.

    With `has_loaded`, TensorFlow is loaded before the first of them.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(calls, file)
        file.flush()
        if has_loaded:
            import forked  # not to be found by a process of this file

            done = forked.run(__file__, file.name)
        else:
            done = subprocess.run(
                [sys.executable, __file__, file.name],
                capture_output=True,
                text=True,
                cwd=ROOT,
                check=False,
            )
    assert done.returncode == 0, done.stderr
    return [Outcome(**o) for o in json.loads(done.stdout.splitlines()[-1])]


def _run(call: list[str]) -> Outcome:
    from biaffine_tf.commands.flag_types import FLAGS

    for name in list(FLAGS):
        delattr(FLAGS, name)
    sys.argv = call
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if call[0].endswith(".py"):
                runpy.run_path(call[0], run_name="__main__")
            else:
                runpy.run_module(call[0], run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
    return Outcome(
        code=code if isinstance(code, int) else 1,
        out=out.getvalue(),
        err=err.getvalue(),
        tensorflow="tensorflow" in sys.modules,
    )


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT)]
    with open(sys.argv[1]) as calls:
        outcomes = [dataclasses.asdict(_run(c)) for c in json.load(calls)]
    print("\n" + json.dumps(outcomes))
