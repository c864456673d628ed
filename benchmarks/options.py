"""The command line that the benchmarks share."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import pathlib
import sys
from collections.abc import Sequence

from benchmarks.shapes import Shape

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
MIN_ROUNDS = 5
_QUICK_ROUNDS = 2
_SEED = 42


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """How a benchmark is run.

    Attributes:
        quick: Whether it is to show that it works, not to measure.
        json: Where results go, with the plot beside; None for nowhere.
        rounds: How often each subject is measured.
        shapes: Encoders to measure.
        seed: Of all that is random.
        words: The command line but for the program and `--json`.
    """

    quick: bool
    json: pathlib.Path | None
    rounds: int
    shapes: tuple[Shape, ...]
    seed: int
    words: tuple[str, ...]


def parse(
    name: str,
    description: str | None,
    *,
    shapes: Sequence[str] = (),
    rounds: int = MIN_ROUNDS,
    arguments: Sequence[str] | None = None,
) -> Options:
    """Reads the command line.

    Args:
        name: The benchmark; names its results.
        description: What `--help` says.
        shapes: Encoders unless `--shapes` says otherwise, the first alone
            under `--quick`; none if the benchmark has no encoder to choose.
        rounds: Least rounds, and as many as there are unless said otherwise.
        arguments: The command line's if not given.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="little data and two rounds: shows that it works, measures little",
    )
    parser.add_argument(
        "--json",
        type=pathlib.Path,
        help="results go here, the plot beside; "
        f"benchmarks/results/{name}.json if not given, and nowhere if quick",
    )
    parser.add_argument(
        "--rounds", type=int, help=f"at least {rounds}, unless quick"
    )
    parser.add_argument("--seed", type=int, default=_SEED)
    if shapes:
        parser.add_argument(
            "--shapes",
            type=lambda text: tuple(map(Shape.parse, text.split(","))),
            help=f"layers x width; {','.join(shapes)} if not given",
        )
    given = sys.argv[1:] if arguments is None else list(arguments)
    values = parser.parse_args(given)
    least = 1 if values.quick else rounds
    wanted = values.rounds
    if wanted is None:
        wanted = _QUICK_ROUNDS if values.quick else rounds
    elif wanted < least:
        parser.error(f"--rounds={wanted}: at least {least}, or --quick")
    usual = tuple(map(Shape.parse, shapes))
    return Options(
        quick=values.quick,
        json=values.json
        or (None if values.quick else RESULTS / f"{name}.json"),
        rounds=wanted,
        shapes=getattr(values, "shapes", None)
        or (usual[:1] if values.quick else usual),
        seed=values.seed,
        words=_without_json(given),
    )


def require_packages(*packages: str) -> None:
    """Ends the program if a package that it needs is not installed."""
    missing = [name for name in packages if not importlib.util.find_spec(name)]
    if missing:
        sys.exit(
            f"not installed: {', '.join(missing)}; "
            "pip install -r benchmarks/requirements.txt"
        )


def _without_json(words: Sequence[str]) -> tuple[str, ...]:
    """Where results are kept is no part of them."""
    kept: list[str] = []
    skip = False
    for word in words:
        if not (skip or word.startswith("--json")):
            kept.append(word)
        skip = word == "--json"
    return tuple(kept)
