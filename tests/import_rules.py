"""The rules of docs/design.md about imports, and what breaks them."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

PACKAGE = "biaffine_tf"

# From the ground up: a room imports those before it.
ROOMS = (
    *("errors", "spans", "seeds", "choices", "machine", "machine_errors"),
    *("starting", "files", "json_files", "locks", "console", "parallel"),
    *("processes",),
    *("config", "formats", "tokenization", "decoding", "evaluation"),
    *("calibration", "corpora", "model_directory", "records", "losses"),
    *("encoders", "heads", "reports", "training", "planning", "pretraining"),
    *("inference", "export", "ensemble", "selection", "tune", "recipe"),
    *("commands",),
)
FLOOR = {room: floor for floor, room in enumerate(ROOMS)}
LAST_WITHOUT_TENSORFLOW = "corpora"

# Old names of rooms, and what they lead to; commands, too.
ALIASES = ("readers", "display", "checkpoints", "modeling", "vocabulary")

FLAG_ROOMS = ("commands",)

# What `biaffine_tf.load` may load when it is called: the stated exception.
LAZY = {"inference", "commands"}
AT_ONCE = {"spans", "starting"}

TENSORFLOW = {"tensorflow", "tensorflow_text", "tf_keras", "official"}
OTHER_KERAS = ("keras", "tensorflow.keras", "tensorflow.python.keras")
COMMANDS = {"run_classifier", "run_predict", "pretrain"}
NOT_BELOW = {*COMMANDS, "tests", "benchmarks", "examples"}


class Import(NamedTuple):
    """An imported module or name, with all its dots, and where."""

    name: str
    line: int
    in_function: bool


def is_type_checking(node: ast.If) -> bool:
    return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def executed(node: ast.AST, *, inside: bool = False) -> Iterator:
    """(node, whether within a function) of all but type-checking blocks."""
    yield node, inside
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.If) and is_type_checking(node):
        children = node.orelse
    inside |= isinstance(
        node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    )
    for child in children:
        yield from executed(child, inside=inside)


def imports(source: str, module: str, *, is_package: bool) -> list[Import]:
    """Everything that a module imports at any time."""
    found = []
    for node, inside in executed(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = len(parts) - node.level + is_package
                base = ".".join([*parts[:kept], *filter(None, [base])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func).split(".")[-1]
            first = node.args[0]
            if called in {"import_module", "__import__"} and isinstance(
                first, ast.Constant
            ):
                names = [str(first.value)]
        found += [Import(name, node.lineno, inside) for name in names]
    return found


def room_of(name: str) -> str | None:
    """Room of a module or name of the package; None if it has none."""
    parts = name.split(".")
    if parts[0] != PACKAGE or parts[1:] == ["__version__"]:
        return None
    if parts[1:] in ([], ["load"]):
        return "__init__"
    is_alias = parts[1] in ALIASES or parts[1:3] == ["evaluation", "audit"]
    return "commands" if is_alias or parts[-1] == "__main__" else parts[1]


def layering(module: str, found: list[Import]) -> Iterator[tuple[int, str]]:
    """What a module of the package may not import, and why."""
    room = room_of(module)
    if room not in FLOOR and room != "__init__":
        yield 1, f"room {room!r} is not in ROOMS; add it"
        return
    floor = FLOOR.get(room, 0)
    for name, line, in_function in found:
        root, target = name.split(".")[0], room_of(name)
        if floor <= FLOOR[LAST_WITHOUT_TENSORFLOW] and root in TENSORFLOW:
            yield line, f"{room} must not load {root}"
        if root in NOT_BELOW:
            yield line, f"the package must not import {root}"
        if target is None or target == room:
            continue
        if room == "__init__":
            if target not in AT_ONCE and not (in_function and target in LAZY):
                yield line, f"importing the package must not load {target}"
        elif target not in FLOOR:
            yield line, f"room {target!r} is not in ROOMS; add it"
        elif FLOOR[target] > floor:
            yield line, f"{room} imports up: {target}"


def other_keras(source: str, found: list[Import]) -> Iterator[tuple[int, str]]:
    """Uses of a Keras other than tf_keras."""
    message = "uses another Keras; the stack is tf_keras"
    for name, line, _ in found:
        if any(name == k or name.startswith(f"{k}.") for k in OTHER_KERAS):
            yield line, f"{name}: {message}"
    tree = ast.parse(source)
    aliases = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "tensorflow"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "keras":
            owner = ast.unparse(node.value)
            if owner in aliases:
                yield node.lineno, f"{owner}.keras: {message}"


def violations(
    source: str, module: str, *, is_package: bool = False
) -> list[str]:
    """Every broken rule of one module, as `module:line: what`."""
    found = imports(source, module, is_package=is_package)
    broken = [*other_keras(source, found)]
    root = module.split(".")[0]
    if root == PACKAGE:
        broken += layering(module, found)
    if room_of(module) not in FLAG_ROOMS and root not in {*COMMANDS, "tests"}:
        broken += [
            (
                line,
                f"absl flags belong in {', '.join(FLAG_ROOMS)} and run_*.py",
            )
            for name, line, _ in found
            if name == "absl.flags" or name.startswith("absl.flags.")
        ]
    return [f"{module}:{line}: {what}" for line, what in sorted(broken)]
