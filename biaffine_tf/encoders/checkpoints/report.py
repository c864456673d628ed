"""Readable lists of tensors, with layers and leaves collapsed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from biaffine_tf.encoders.checkpoints import names

_LAYER = re.compile(r"((?:layer|groups?)[._])(\d+)(?=[./])")
_LEAF = re.compile(r"(.+[./])(embeddings|kernel|weight|bias|gamma|beta)")


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Report on loading a source into variables.

    Attributes:
        loaded: Canonical names of assigned variables.
        missing: Canonical names of variables that keep their initial values.
        unused: Stored names of unused tensors.
        notes: Notes, such as on truncated positions.
        activation: Name and meaning of the activation; empty if not known.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...] = ()
    activation: str = ""

    def __str__(self) -> str:
        lines = [f"loaded {len(self.loaded)} tensors: {summary(self.loaded)}"]
        if self.missing:
            lines.append(
                f"missing, keep their initial values, {len(self.missing)}: "
                f"{summary(self.missing)}"
            )
        if self.unused:
            lines.append(
                f"not used, {len(self.unused)}: {summary(self.unused)}"
            )
        if self.activation:
            lines.append(f"activation: {self.activation}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def summary(tensors: Iterable[str]) -> str:
    """Lists names in one line, without the contents of layers."""
    tensors = list(tensors)
    of_model = [n for n in tensors if not names.is_optimizer_state(n)]
    shown: dict[str, list[str]] = {}  # leaves by module
    for name in fold_layers(of_model):
        layers, brace, _ = name.partition("}")
        leaf = _LEAF.fullmatch(name)
        if brace:
            shown[f"{layers}}}/..."] = []
        elif leaf:
            shown.setdefault(leaf.group(1), []).append(leaf.group(2))
        else:
            shown[name] = []
    parts = [module + _braced(leaves) for module, leaves in shown.items()]
    if len(of_model) < len(tensors):
        parts.append(f"{len(tensors) - len(of_model)} of an optimizer")
    return ", ".join(parts)


def fold_layers(tensors: Iterable[str]) -> dict[str, list[str]]:
    """Groups names with all layers in one, as in `layer_{0..11}/output`."""
    groups: dict[str, dict[int, str]] = {}
    for name in tensors:
        match = _LAYER.search(name)
        template = _LAYER.sub(r"\1{}", name, count=1)
        number = int(match.group(2)) if match else 0
        groups.setdefault(template, {})[number] = name
    return {
        template.replace("{}", _range(sorted(group))): list(group.values())
        for template, group in groups.items()
    }


def _range(numbers: list[int]) -> str:
    first, last = numbers[0], numbers[-1]
    if len(numbers) == last - first + 1:
        return f"{{{first}..{last}}}" if last > first else f"{{{first}}}"
    return "{" + ",".join(map(str, numbers)) + "}"


def _braced(leaves: list[str]) -> str:
    return f"{{{','.join(leaves)}}}" if len(leaves) > 1 else "".join(leaves)
