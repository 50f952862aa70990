"""What `reconcile` and `rebuild` say in the end, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from tokentide.plural import counted
from tokentide.reconcile.examine import Part, Verdict
from tokentide.reconcile.span import LAST_SECOND

__all__ = ["PartReport", "Report"]

_SHOWN = 50
_LISTED = 10_000


@dataclass(slots=True)
class PartReport:
    """One partition: what was examined, what was not and why, and the verdict."""

    part: Part
    left_out: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(slots=True)
class Report:
    """All partitions; `incomplete` when something was asked for that the log does not tell any more."""

    parts: list[PartReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    incomplete: bool = False

    @property
    def differences(self) -> int:
        """How many there are."""
        return sum(len(one.verdict.differences) for one in self.parts)

    @property
    def mended(self) -> int:
        """How many rows were put right."""
        return sum(one.verdict.mended for one in self.parts)

    def as_object(self) -> dict[str, Any]:
        """For machines; at most ten thousand differences are listed."""
        listed = [
            {
                "partition": one.part.partition,
                "table": found.table,
                "bucket": _moment(found.bucket),
                "key": [str(value) for value in found.key],
                "said": found.said,
            }
            for one in self.parts
            for found in one.verdict.differences
        ]
        return {
            "equal": not self.differences,
            "mended": self.mended,
            "partitions": [_partition(one) for one in self.parts],
            "differences": listed[:_LISTED],
            "difference_count": self.differences,
            "notes": self.notes,
        }

    def table(self) -> Table:
        """The first differences, for people."""
        table = Table("partition", "bucket", "table", "row", "difference", box=None, pad_edge=False)
        rows = [(one.part.partition, found) for one in self.parts for found in one.verdict.differences]
        for partition, found in rows[:_SHOWN]:
            key = " ".join(str(value) or "''" for place, value in enumerate(found.key) if place != 1) or "all rows"
            cells = (str(partition), _moment(found.bucket), found.table, key, found.said)
            table.add_row(*map(Text, cells))
        return table

    def lines(self, *, rebuilt: bool) -> list[str]:
        """What is to be said besides the table."""
        said = [f"partition {one.part.partition}: {reason}" for one in self.parts for reason in one.left_out]
        rows = sum(one.verdict.rows for one in self.parts)
        events = sum(one.verdict.events for one in self.parts)
        compared = f"{counted(rows, 'row')} and {counted(events, 'event')} of {counted(len(self.parts), 'partition')}"
        said.append(f"compared {compared} with the log")
        if rebuilt:
            said.append(f"rebuilt {counted(self.mended, 'row')}")
        more = f", of which the first {_SHOWN} are shown; --json lists more" if self.differences > _SHOWN else ""
        said.append(f"{counted(self.differences, 'difference')}{more}" if self.differences else "no difference")
        return said + self.notes


def _partition(one: PartReport) -> dict[str, Any]:
    part, verdict = one.part, one.verdict
    return {
        "partition": part.partition,
        "through_offset": part.position.offset,
        "from_offset": part.begin,
        "from": _moment(part.span.begin),
        "to": None if part.span.end == LAST_SECOND else _moment(part.span.end),
        "rows": verdict.rows,
        "events": verdict.events,
        "passes": verdict.passes,
        "differences": len(verdict.differences),
        "mended": verdict.mended,
        "left_out": one.left_out,
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
