"""A bulk job that is killed, anywhere, ends as one that was not."""

import itertools
import os
import random
import shutil
import traceback

import pytest
from bulk_runs import FakePredictor, run, tree, write_lines

# Between two of them nothing changes on the disk but files that are unfinished.
CALLS = ("replace", "fsync", "makedirs", "chmod")


def _run_until(event, files, out):
    """Runs the job in a process that dies as if killed.

    Args:
        event: It dies before it makes this one of `CALLS`, from 1, or in the
            midst of a prediction, which counts as one.
        files: The inputs.
        out: The folder.

    Returns:
        Whether the job ended before.
    """
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 9)
        return code == 0
    try:
        events = itertools.count(1)

        def dying(call):
            def called(*arguments, **options):
                if next(events) == event:
                    os._exit(9)
                return call(*arguments, **options)

            return called

        for name in CALLS:
            setattr(os, name, dying(getattr(os, name)))

        class Predictor(FakePredictor):
            def predict(self, sentences, **decoding):
                for number, one in enumerate(super().predict(sentences)):
                    if number == 5:
                        dying(str)()
                    yield one

        run(files, out, predictor=Predictor())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    files = [write_lines(folder / f"{n}.txt", n, first=n) for n in (18, 8)]
    for path in files:
        lines = path.read_bytes().splitlines(keepends=True)
        # At the end, between two shards, and within one.
        for at in (18, 10, 3):
            lines.insert(at, b"\xff\n")
        path.write_bytes(b"".join(lines))
    return files


@pytest.fixture(scope="module")
def undisturbed(files, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    run(files, out)
    found = tree(out)
    assert len([name for name in found if name.startswith("bad_lines")]) == 3
    return found


@pytest.mark.slow
def test_killed_anywhere(files, undisturbed, tmp_path):
    out = tmp_path / "out"
    event = 1
    while not _run_until(event, files, out):
        run(files, out)
        assert tree(out) == undisturbed, event
        shutil.rmtree(out)
        event += 1
    assert tree(out) == undisturbed
    # Of each shard the predictions, the bad lines and the journal.
    assert event > 3 * 3 * 2


@pytest.mark.parametrize("seed", range(3))
def test_killed_and_damaged_again_and_again(files, undisturbed, tmp_path, seed):
    draw = random.Random(seed)
    out = tmp_path / "out"
    damaged = 0
    for _ in range(4):
        _run_until(draw.randrange(8, 40), files, out)
        written = [*out.glob("*.jsonl"), *out.glob("bad_lines/*.jsonl")]
        if written:
            path = draw.choice(written)
            os.truncate(path, draw.randrange(os.path.getsize(path)))
            damaged += 1
    assert damaged > 2
    run(files, out)
    assert tree(out) == undisturbed


@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again(files, undisturbed, tmp_path, seed):
    draw = random.Random(seed)
    out = tmp_path / "out"
    kills = 0
    while not _run_until(draw.randrange(1, 20), files, out):
        kills += 1
    assert kills
    assert tree(out) == undisturbed
