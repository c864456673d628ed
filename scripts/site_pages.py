"""Hooks of MkDocs: pages of the site that lie outside docs/, and examples.

The pages keep their places, so that links between them, and from docs/ by
`../`, work in the repository and on the site alike.
"""

from __future__ import annotations

import pathlib
from typing import Any

import griffe
from mkdocs.structure.files import File, Files

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_PAGES = ("CHANGELOG.md", "benchmarks/README.md", "examples/README.md")
_FOLDERS = ("benchmarks/results",)


def on_files(files: Files, *, config: Any) -> Files:
    """Adds the pages, and what they link to."""
    paths = [_ROOT / name for name in _PAGES]
    for folder in _FOLDERS:
        paths += sorted((_ROOT / folder).iterdir())
    for path in paths:
        name = path.relative_to(_ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Makes links of docs/ to the folders beside it links within the site."""
    if pathlib.Path(page.file.abs_src_path).is_relative_to(_ROOT / "docs"):
        return markdown.replace("](../benchmarks/", "](benchmarks/")
    return markdown


class Examples(griffe.Extension):
    """Shows an "Example" of a docstring as code, as griffe does "Examples"."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Renames the section of an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace(
                "Example:\n", "Examples:\n"
            )
