"""Runs scripts in processes that have loaded TensorFlow already.

Which is most of what a short run takes. One process loads it and, for every
script, makes a copy of itself; what the script does is done in the copy alone.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import pathlib
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Modules that the process that copies itself has loaded: those of a command, or
# of a server that has nothing of ours.
COMMAND = "biaffine_tf.training.fine_tuning"
SERVER = "tensorflow_text"

# Modules that commands load only when they need them.
_NEEDED_LATER = (
    "biaffine_tf.commands.completion",
    "biaffine_tf.commands.pretrain",
    "biaffine_tf.commands.train",
    "biaffine_tf.commands.training_run",
    "biaffine_tf.export.export",
    "biaffine_tf.heads.biaffine.head",
    "biaffine_tf.losses",
    "biaffine_tf.planning.maps",
    "biaffine_tf.reports.html",
    "biaffine_tf.reports.table",
    "jinja2",
    "scipy.optimize",
    "tensorboard.summary",
)


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
    command = [str(ROOT / script), *map(str, arguments)]
    with (
        open(os.devnull, "rb") as nothing,
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        tempfile.TemporaryFile("w+", encoding="utf-8") as err,
    ):
        streams = [one.fileno() for one in (nothing, out, err)]
        code = forward(address(loaded), command, streams, cwd)
        for stream in (out, err):
            stream.seek(0)
        return subprocess.CompletedProcess(
            command, code, out.read(), err.read()
        )


def check(script, *arguments, code=0):
    """Runs a script that is to end with an exit code, without a traceback."""
    done = run(script, *arguments)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    return done


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


def forward(place, command, streams=(0, 1, 2), cwd=None):
    """Runs a script in a copy; returns its exit code, negative for signals.

    Args:
        place: From `address`.
        command: The script's path, and its arguments.
        streams: Its standard input, output and errors.
        cwd: The folder to run it in; None for this one.
    """
    request = {
        "command": command,
        "cwd": str(cwd or os.getcwd()),
        "environment": dict(os.environ),
    }
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(place)
        socket.send_fds(client, [b"\n"], list(streams))
        client.sendall(json.dumps(request).encode())
        client.shutdown(socket.SHUT_WR)
        with client.makefile() as answer:
            return int(answer.read() or "the copy has ended")


@functools.cache
def address(loaded):
    """Returns where the process that makes copies listens, and starts it.

    It ends when its standard input is closed, with this process.
    """
    from biaffine_tf.commands.running import TENSORFLOW_ENVIRONMENT

    folder = tempfile.mkdtemp(prefix="forked")
    atexit.register(shutil.rmtree, folder)
    # Held by the other process alone: if that ends, nobody waits for it.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/socket")
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, __file__, loaded, str(listener.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            cwd=ROOT,
            env={**os.environ, **TENSORFLOW_ENVIRONMENT},
        )
    _STARTED.append(process)
    return f"{folder}/socket"


_STARTED = []  # whose standard input must stay open


def _serve(loaded, number):
    sys.path[0] = str(ROOT)
    if loaded == SERVER:
        sys.modules["biaffine_tf"] = None
    importlib.import_module(loaded)  # and with it TensorFlow
    if loaded == COMMAND:
        address(SERVER)  # of all copies
        for name in _NEEDED_LATER:
            importlib.import_module(name)
        answer_in_copies(setattr)
    gc.freeze()  # what is loaded stays
    listener = socket.socket(fileno=int(number))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended copies leave nothing
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        client, _ = listener.accept()
        with client:
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _answer(client, adds_folder=loaded == COMMAND)


def _answer(client, *, adds_folder):
    """Runs what is asked for in a copy of this copy, which waits for it."""
    _, streams, *_ = socket.recv_fds(client, 1, 3)
    with client.makefile() as file:
        request = json.loads(file.read())
    # TensorFlow leaves files there.
    with tempfile.TemporaryDirectory() as scratch:
        process = os.fork()
        if not process:
            client.close()
            tempfile.tempdir = scratch
            os.chdir(request["cwd"])
            os.environ.update(request["environment"])
            if adds_folder:
                sys.path.insert(0, os.path.dirname(request["command"][0]))
            _become(request["command"], streams)
        status = os.waitpid(process, 0)[1]
    client.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    client.close()
    os._exit(0)


def _become(command, streams):
    """Runs a script in place of this process, which ends with it."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", buffering=1, closefd=False)
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
