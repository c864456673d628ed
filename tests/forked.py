"""Runs scripts in processes that have loaded TensorFlow already.

Which is most of what a short run takes. One process loads it and, for every
script, makes a copy of itself; what the script does is done in the copy alone.
"""

import functools
import importlib
import json
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What the process that copies itself has loaded: a command, or a server that
# has nothing of ours.
COMMAND = "biaffine_tf.training.fine_tuning"
SERVER = "tensorflow_text"


def run(script, *arguments, cwd=ROOT, loaded=COMMAND):
    """Runs a script, as `subprocess.run` would.

    Args:
        script: The Python file, by its path in the project's folder.
        *arguments: What `sys.argv` is to have.
        cwd: The folder to run it in.
        loaded: `COMMAND` or `SERVER`.

    Returns:
        A `subprocess.CompletedProcess`, with text.
    """
    server = _server(loaded)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths = [str(folder / "stdout"), str(folder / "stderr")]
        command = [str(ROOT / script), *map(str, arguments)]
        server.stdin.write(json.dumps([command, *paths, str(cwd)]) + "\n")
        server.stdin.flush()
        while True:  # past the answers to others, who were killed before them
            answer = server.stdout.readline()
            assert answer, "the process that makes copies has ended"
            out, code = json.loads(answer)
            if out == paths[0]:
                break
        out, err = (pathlib.Path(p).read_text(encoding="utf-8") for p in paths)
        return subprocess.CompletedProcess(command, code, out, err)


def answer_in_copies(replace):
    """Has exported SavedModels answer in copies of a process, not in new ones.

    Args:
        replace: `setattr`, or that of a `pytest.MonkeyPatch`.
    """
    from biaffine_tf.export import export

    start = export.run_program

    def run_program(program, *arguments, python, cwd):
        if program.name != "answering.py" or python != sys.executable:
            return start(program, *arguments, python=python, cwd=cwd)
        return run(program, *arguments, cwd=cwd, loaded=SERVER)

    replace(export, "run_program", run_program)


def check(script, *arguments, code=0):
    """Runs a script that is to end with an exit code, without a traceback."""
    done = run(script, *arguments)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    return done


@functools.cache
def _server(loaded):
    """It ends when its standard input is closed, with this process."""
    from biaffine_tf.commands.running import TENSORFLOW_ENVIRONMENT

    return subprocess.Popen(
        [sys.executable, __file__, loaded],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **TENSORFLOW_ENVIRONMENT},
    )


def _serve(loaded):
    sys.path[0] = str(ROOT)
    if loaded == SERVER:
        sys.modules["biaffine_tf"] = None
    importlib.import_module(loaded)  # and with it TensorFlow
    if loaded == COMMAND:
        _server(SERVER)  # of all copies
        answer_in_copies(setattr)
    for line in sys.stdin:
        command, out, err, folder = json.loads(line)
        process = os.fork()
        if not process:
            os.chdir(folder)
            if loaded == COMMAND:
                sys.path.insert(0, os.path.dirname(command[0]))
            _become(command, out, err)
        status = os.waitpid(process, 0)[1]
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps([out, code]), flush=True)


def _become(command, out, err):
    """Runs a script in place of this process, which ends with it."""
    for number, path in enumerate((os.devnull, out, err)):
        flags = os.O_RDWR | os.O_CREAT
        os.dup2(os.open(path, flags, 0o644), number)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)
    # TensorFlow leaves files there, and this process ends without cleaning up.
    tempfile.tempdir = os.path.dirname(out)
    sys.argv = command
    code = 0
    try:
        runpy.run_path(command[0], run_name="__main__")
    except SystemExit as end:
        code = end.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
