"""Table of the data check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from biaffine_tf.corpora.checks.check import Row, Side


def print_table(rows: Sequence[Row], stream: TextIO) -> None:
    """Prints the statistics of both sides.

    Args:
        rows: Rows of the table.
        stream: Stream to print to.
    """
    sides = [side for side in Side if any(side in row.values for row in rows)]
    table = Table(box=None, pad_edge=False)
    table.add_column("data", overflow="fold")
    for side in sides:
        table.add_column(side, justify="right")
    for row in rows:
        table.add_row(
            Text(row.name), *(row.values.get(side, "") for side in sides)
        )
    Console(file=stream, highlight=False).print(table)
