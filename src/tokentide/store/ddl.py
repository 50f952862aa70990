"""Which statements make the schema? Numbered templates become SQL here: pure, so that snapshots show every change.

Statements of one template are divided by a line that holds a semicolon, and nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = [
    "Step",
    "Target",
    "Template",
    "TimeToLive",
    "create_database",
    "days_kept",
    "made_table",
    "render",
    "time_to_live",
]

_HEADING = re.compile(r"\A(?:[ \t]*(?:--[^\n]*)?\n)*")
_PLACEHOLDER = re.compile(
    r"\{(database|on_cluster|replacing|replacing_version|rollup_retention_days|events_retention_days)\}"
)
_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS `\w+`\.(\w+)", re.MULTILINE)
_MADE = re.compile(r"^CREATE TABLE IF NOT EXISTS \{database\}\.(\w+)", re.MULTILINE)
_TTL = re.compile(r"^TTL (.+ INTERVAL (\d+) DAY)$", re.MULTILINE)
_DIVISION = re.compile(r"^;\n", re.MULTILINE)
_STORED_TTL = re.compile(r" TTL .*?(?:toIntervalDay\((\d+)\)|INTERVAL (\d+) DAY)")


@dataclass(frozen=True, slots=True)
class Target:
    """What the schema is made for: a database, the cluster that replicates it (or none), and how long rows are kept."""

    database: str
    cluster: str
    rollup_retention_days: int
    events_retention_days: int


@dataclass(frozen=True, slots=True)
class Template:
    """One file of the schema: statements with placeholders, mostly one. `checksum` is the SHA-256 of its text."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Step:
    """The statements of one file of the schema, ready to run; running them again changes nothing."""

    version: int
    name: str
    checksum: str
    statements: tuple[str, ...]

    @property
    def sql(self) -> str:
        """All of them, as people read them."""
        return ";\n\n".join(self.statements)


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """How long the rows of a table are kept, and the statement that makes it so."""

    table: str
    days: int
    sql: str


def render(templates: Iterable[Template], target: Target) -> list[Step]:
    """The statements, in order, without the comments that head their files."""
    values = _values(target)
    return [
        Step(
            template.version,
            template.name,
            template.checksum,
            tuple(_fill(statement, values) for statement in _DIVISION.split(template.text)),
        )
        for template in sorted(templates, key=lambda template: template.version)
    ]


def create_database(target: Target) -> str:
    """The statement that makes the database."""
    return f"CREATE DATABASE IF NOT EXISTS {_quoted(target.database)}{_on_cluster(target)}"


def time_to_live(step: Step, target: Target) -> TimeToLive | None:
    """What the step says about how long rows are kept; None when it makes no table, or one whose rows stay."""
    table, ttl = _TABLE.search(step.sql), _TTL.search(step.sql)
    if table is None or ttl is None:
        return None
    expression, days = ttl.groups()
    place = f"{_quoted(target.database)}.{table[1]}{_on_cluster(target)}"
    return TimeToLive(table[1], int(days), f"ALTER TABLE {place} MODIFY TTL {expression}")


def made_table(text: str) -> str | None:
    """The table that a file of the schema makes; None when it makes none."""
    found = _MADE.search(text)
    return found[1] if found else None


def days_kept(engine: str) -> int | None:
    """How many days a table keeps rows, from its `engine_full` in ClickHouse's system.tables; None when for ever."""
    found = _STORED_TTL.search(engine)
    return int(found[1] or found[2]) if found else None


def _fill(text: str, values: Mapping[str, str]) -> str:
    statement = _PLACEHOLDER.sub(lambda found: values[found[1]], _HEADING.sub("", text))
    return "\n".join(line.rstrip() for line in statement.strip().splitlines())


def _values(target: Target) -> dict[str, str]:
    engine = "ReplicatedReplacingMergeTree" if target.cluster else "ReplacingMergeTree"
    return {
        "database": _quoted(target.database),
        "on_cluster": _on_cluster(target).strip(),
        "replacing": engine,
        "replacing_version": f"{engine}(version)",
        "rollup_retention_days": str(target.rollup_retention_days),
        "events_retention_days": str(target.events_retention_days),
    }


def _quoted(name: str) -> str:
    return f"`{name}`"


def _on_cluster(target: Target) -> str:
    return f" ON CLUSTER {_quoted(target.cluster)}" if target.cluster else ""
