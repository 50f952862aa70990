"""What was sent, counted by plain Python: the other side of the proof. It shares nothing with the way of the worker."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

__all__ = ["FAILED", "Cell", "Measures", "Tally"]

FAILED = ("error", "timeout", "rate_limited")


class Cell(NamedTuple):
    """What is counted apart: `hour` is the first thirteen characters of the time in UTC, `model` of LLM calls only."""

    project: str
    hour: str
    kind: str
    model: str
    virtual: bool

    @property
    def is_call(self) -> bool:
        """Whether the rollups have it: an LLM call of a concrete model."""
        return self.kind == "llm" and not self.virtual


class Measures(NamedTuple):
    """What is counted of each cell."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nanos: int = 0
    errors: int = 0

    def plus(self, other: Measures) -> Measures:
        """Both together."""
        return Measures(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Tally:
    """Counts valid events, each of which is to be given once."""

    def __init__(self) -> None:
        self.cells: dict[Cell, Measures] = {}

    @property
    def events(self) -> int:
        """How many were counted."""
        return sum(measures.requests for measures in self.cells.values())

    def add(self, event: Mapping[str, Any]) -> None:
        """Count one event; its timestamp is in UTC."""
        cell = Cell(
            event["project_id"],
            event["timestamp"][:13],
            event.get("kind", "llm"),
            event.get("model", ""),
            "virtual_model" in event,
        )
        cost = Decimal(str(event.get("cost_usd", 0)))
        measures = Measures(
            1,
            event.get("input_tokens", 0),
            event.get("output_tokens", 0),
            int(cost.scaleb(9)),
            int(event["status"] in FAILED),
        )
        self.cells[cell] = self.cells.get(cell, Measures()).plus(measures)

    def calls(self) -> dict[Cell, Measures]:
        """The cells that the rollups have."""
        return {cell: measures for cell, measures in self.cells.items() if cell.is_call}

    def of_project(self, project: str) -> Measures:
        """All calls of one project together."""
        total = Measures()
        for cell, measures in self.calls().items():
            if cell.project == project:
                total = total.plus(measures)
        return total
