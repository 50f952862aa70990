"""Is what is stored exactly what was sent? Compared cell by cell: every project, hour and model, in plain SQL.

The proof reads the store as any client would, with the column names of the documented schema.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import clickhouse_connect

from tokentide.demo.tally import Cell, Measures, Tally

__all__ = ["Stored", "Verdict", "judge"]

_CALLS = """
SELECT project_id, formatDateTime(bucket, '%Y-%m-%dT%H', 'UTC') AS hour, 'llm', model, false,
       sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_nanos), sum(error + timeout + rate_limited)
FROM usage_1h FINAL WHERE project_id IN {projects:Array(String)} GROUP BY project_id, hour, model
"""
_EVENTS = """
SELECT project_id, formatDateTime(timestamp, '%Y-%m-%dT%H', 'UTC') AS hour, kind, ifNull(model, '') AS name,
       virtual_model IS NOT NULL AS virtual,
       count(), sum(input_tokens), sum(output_tokens), sum(cost_usd),
       countIf(status IN ('error', 'timeout', 'rate_limited'))
FROM events FINAL WHERE project_id IN {projects:Array(String)} GROUP BY project_id, hour, kind, name, virtual
"""
_COUNT = "SELECT count() FROM events WHERE project_id IN {projects:Array(String)}"


class Stored:
    """What the store holds of some projects.

    Args:
        dsn: where it is.
        database: which database.
        projects: of which projects.
    """

    def __init__(self, dsn: str, database: str, projects: Sequence[str]) -> None:
        self._client: Any = clickhouse_connect.get_client(dsn=dsn, database=database, autogenerate_session_id=False)
        self._projects = {"projects": list(projects)}

    def count(self) -> int:
        """About how many events are there by now: rows that were written twice and not yet merged count twice."""
        return int(self._rows(_COUNT)[0][0])

    def calls(self) -> dict[Cell, Measures]:
        """What the rollups say."""
        return {_cell(row): Measures(*map(int, row[5:10])) for row in self._rows(_CALLS)}

    def events(self) -> dict[Cell, Measures]:
        """What the events table says."""
        return {
            _cell(row): Measures(int(row[5]), int(row[6]), int(row[7]), _nanos(row[8]), int(row[9]))
            for row in self._rows(_EVENTS)
        }

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _rows(self, sql: str) -> Sequence[Sequence[Any]]:
        found: Sequence[Sequence[Any]] = self._client.query(sql, parameters=self._projects).result_rows
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of the comparison.

    Attributes:
        sent: valid events that were sent, repeats left out.
        counted: events that are stored.
        lost: sent but not stored, by the rollups or by the events, whichever lack more.
        double: stored but not sent.
        differences: each cell that differs, in words.
    """

    sent: int
    counted: int
    lost: int
    double: int
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether everything is as it must be."""
        return not self.differences and self.sent == self.counted and not self.lost and not self.double

    def line(self) -> str:
        """The proof in one line."""
        return f"sent {self.sent}, counted {self.counted}, lost {self.lost}, double {self.double}"


def judge(tally: Tally, calls: Mapping[Cell, Measures], events: Mapping[Cell, Measures]) -> Verdict:
    """Compare what was sent with what the rollups (`calls`) and the events table say."""
    gaps = [_gap(tally.calls(), calls), _gap(tally.cells, events)]
    differences = [*_differences("rollups", tally.calls(), calls), *_differences("events", tally.cells, events)]
    return Verdict(
        sent=tally.events,
        counted=sum(measures.requests for measures in events.values()),
        lost=max(lost for lost, _ in gaps),
        double=max(double for _, double in gaps),
        differences=tuple(differences),
    )


def _gap(sent: Mapping[Cell, Measures], stored: Mapping[Cell, Measures]) -> tuple[int, int]:
    """How many events are missing, and how many too many."""
    lost = double = 0
    for cell in sent.keys() | stored.keys():
        more = stored.get(cell, Measures()).requests - sent.get(cell, Measures()).requests
        lost += max(0, -more)
        double += max(0, more)
    return lost, double


def _differences(where: str, sent: Mapping[Cell, Measures], stored: Mapping[Cell, Measures]) -> Iterable[str]:
    for cell in sorted(sent.keys() | stored.keys()):
        mine, theirs = sent.get(cell, Measures()), stored.get(cell, Measures())
        if mine != theirs:
            yield f"{where}, {' '.join(map(str, filter(None, cell)))}: sent {mine._asdict()}, stored {theirs._asdict()}"


def _cell(row: Sequence[Any]) -> Cell:
    return Cell(row[0], row[1], row[2], row[3], bool(row[4]))


def _nanos(dollars: Decimal) -> int:
    return int(dollars.scaleb(9))
