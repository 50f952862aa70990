"""May the release before go on while a file of the schema is applied? Only when it adds, and takes nothing away."""

from __future__ import annotations

import re

import pytest

from tokentide.store.ddl import Target, render
from tokentide.store.migrate import templates

EXCEPTIONS: dict[str, str] = {}
"""Files that do more than add: their names, and why no program of the release before notices."""

ADDS = (
    re.compile(r"CREATE TABLE IF NOT EXISTS "),
    re.compile(r"CREATE VIEW IF NOT EXISTS "),
    re.compile(r"CREATE OR REPLACE VIEW "),
    re.compile(r"ALTER TABLE \S+( ON CLUSTER \S+)?\s+ADD (COLUMN|INDEX|PROJECTION|STATISTICS) IF NOT EXISTS "),
)
TAKES = re.compile(
    r"\b(DROP|RENAME|EXCHANGE|TRUNCATE|DELETE|UPDATE|CLEAR|MODIFY|DETACH|REPLACE PARTITION|ADD CONSTRAINT|"
    r"MATERIALIZED VIEW|REMOVE|FREEZE|MOVE)\b",
    re.IGNORECASE,
)


def breaches(sql: str) -> list[str]:
    """What a statement does besides adding. Comments and texts in quotes say nothing."""
    bare = re.sub(r"'(?:[^'\\]|\\.)*'|--[^\n]*|/\*.*?\*/", "''", sql, flags=re.DOTALL).strip()
    found = [] if any(way.match(bare) for way in ADDS) else [f"begins with {bare[:40]!r}"]
    body = bare.removeprefix("CREATE OR REPLACE VIEW")
    if not body.lstrip().startswith("CREATE TABLE"):
        found += TAKES.findall(body)
    return found


def statements() -> dict[str, str]:
    """Every statement of the schema by the name of its file."""
    return {step.name: step.sql for step in render(templates(), Target("tokentide", "main", 400, 100))}


@pytest.mark.parametrize("name", statements())
def test_files_only_add(name):
    """A worker and an API of the release before run on the new schema as if nothing had happened."""
    assert breaches(statements()[name]) == [] or name in EXCEPTIONS


def test_exceptions_are_needed():
    """Whoever is on the list does more than add, and has a reason there."""
    assert [name for name, why in EXCEPTIONS.items() if not why or not breaches(statements().get(name, ""))] == []


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE IF EXISTS `t`.usage_1h",
        "RENAME TABLE `t`.a TO `t`.b",
        "EXCHANGE TABLES `t`.a AND `t`.b",
        "TRUNCATE TABLE IF EXISTS `t`.usage_1h",
        "ALTER TABLE `t`.usage_1h DROP COLUMN IF EXISTS requests",
        "ALTER TABLE `t`.usage_1h RENAME COLUMN IF EXISTS requests TO calls",
        "ALTER TABLE `t`.usage_1h MODIFY COLUMN IF EXISTS requests String",
        "ALTER TABLE `t`.usage_1h ADD CONSTRAINT IF NOT EXISTS c CHECK requests > 0",
        "ALTER TABLE `t`.usage_1h ADD COLUMN IF NOT EXISTS a UInt8, DROP COLUMN IF EXISTS requests",
        "ALTER TABLE `t`.usage_1h ON CLUSTER `c` ADD COLUMN IF NOT EXISTS a UInt8,\n  CLEAR COLUMN IF EXISTS b",
        "ALTER TABLE `t`.usage_1h DELETE WHERE 1",
        "CREATE MATERIALIZED VIEW IF NOT EXISTS `t`.v TO `t`.w AS SELECT 1",
        "INSERT INTO `t`.usage_1h SELECT * FROM `t`.usage_1h",
    ],
)
def test_what_is_not_only_added_is_found(sql):
    """Whatever takes away, renames, changes a type or may make an old worker's insert fail is noticed."""
    assert breaches(sql) != []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE IF NOT EXISTS `t`.a\n(\n    a String COMMENT 'DROP or RENAME'\n)\nENGINE = MergeTree ORDER BY a",
        "CREATE VIEW IF NOT EXISTS `t`.v AS SELECT 1",
        "CREATE OR REPLACE VIEW `t`.v ON CLUSTER `c` AS SELECT 1",
        "ALTER TABLE `t`.usage_1h ON CLUSTER `c`\n    ADD COLUMN IF NOT EXISTS a UInt64 DEFAULT 0 -- no MODIFY",
        "ALTER TABLE `t`.events ADD INDEX IF NOT EXISTS i a TYPE minmax GRANULARITY 1",
    ],
)
def test_what_only_adds_passes(sql):
    """Words in comments take nothing away."""
    assert breaches(sql) == []
