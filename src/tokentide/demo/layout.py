"""What do all tables of the demonstration look like? A title over columns without lines, figures to the right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ["ROWS", "Answer", "headed", "titled"]

Answer = dict[str, Any]
ROWS = 5
"""Most rows of a table."""


def titled(title: str, table: Table) -> Iterator[RenderableType]:
    """A table under the request that it answers."""
    yield Text(f"\nGET {title}", style="bold")
    yield table


def headed(*columns: str) -> Table:
    """A table with these columns."""
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    return table
