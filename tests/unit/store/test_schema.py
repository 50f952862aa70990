"""The schema as it is sent to ClickHouse, held against its snapshots, the fold's tables and the event."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tokentide.events import Event
from tokentide.rollups.tables import TABLES, Table
from tokentide.store.days import DAILY
from tokentide.store.ddl import Target, Template, create_database, days_kept, render, time_to_live
from tokentide.store.migrate import EXPECTED_VERSION, templates
from tokentide.store.rows import EVENT_COLUMNS

GOLDEN = Path(__file__).parents[2] / "golden" / "schema"
ALONE = Target("tokentide", "", 400, 100)
CLUSTER = Target("tokentide", "main", 400, 100)


@pytest.mark.parametrize(("name", "target"), [("single", ALONE), ("cluster", CLUSTER)])
def test_the_schema_is_as_reviewed(name: str, target: Target) -> None:
    """Every change of a statement shows in a snapshot; UPDATE_GOLDEN=1 writes it anew."""
    steps = render(templates(), target)
    statements = [create_database(target), *(f"-- {step.name}\n{step.sql}" for step in steps)]
    statements += [ttl.sql for step in steps if (ttl := time_to_live(step, target))]
    text = ";\n\n".join(statements) + ";\n"
    golden = GOLDEN / f"{name}.sql"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_files_are_numbered_from_one_without_a_gap() -> None:
    """The number of the last file is the version that the code expects."""
    assert [template.version for template in templates()] == list(range(1, EXPECTED_VERSION + 1))
    assert [template.name[:4] for template in templates()] == [f"{at:03}_" for at in range(1, EXPECTED_VERSION + 1)]


def test_every_file_may_run_twice() -> None:
    """A crash after a statement and before its record is repaired by running it again."""
    statements = [(step.name, sql) for step in render(templates(), ALONE) for sql in step.statements]
    assert [name for name, sql in statements if not re.search("IF NOT EXISTS|^CREATE OR REPLACE VIEW", sql)] == []


def _statement(table: str) -> str:
    return next(step.sql for step in render(templates(), ALONE) if step.name.partition("_")[2] == table)


def _columns(statement: str) -> list[str]:
    return re.findall(r"^ {4}(\w+) +[A-Z]\w+[^\n]*$", statement.partition("CONSTRAINT")[0], re.MULTILINE)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_rollup_has_the_columns_of_the_fold(table: Table) -> None:
    """Key, partition, measures and version, by the fold's names, and the whole identity of a row as sorting key."""
    statement = _statement(table.name)
    assert sorted(_columns(statement)) == sorted([*table.key, "partition", *table.measures, "version"])
    assert f"ORDER BY ({', '.join([*table.key, 'partition'])})" in statement
    assert "PARTITION BY toYYYYMM(bucket)" in statement


@pytest.mark.parametrize(("table", "daily"), DAILY.items(), ids=DAILY.values())
def test_a_daily_table_has_the_columns_of_its_hourly_one(table: Table, daily: str) -> None:
    """Days in the place of buckets, the same months, and a version that holds a sum of 24."""
    key = ["day" if name == "bucket" else name for name in table.key]
    statement = _statement(daily)
    assert sorted(_columns(statement)) == sorted([*key, "partition", *table.measures, "version"])
    assert f"ORDER BY ({', '.join([*key, 'partition'])})" in statement
    assert "PARTITION BY toYYYYMM(day)" in statement
    assert re.search(r"version +UInt128", statement)


def test_every_field_of_an_event_has_a_column() -> None:
    """What the contract calls an event is stored, by its own names; tags become metadata."""
    assert set(Event.model_fields) - set(_columns(_statement("events"))) == {"tags"}


def test_the_worker_names_only_columns_that_are_there() -> None:
    """One name too many would make ClickHouse refuse every event."""
    assert set(EVENT_COLUMNS) - set(_columns(_statement("events"))) == set()


def test_all_rows_that_matter_are_on_disk_when_acknowledged() -> None:
    """Each table writes through to the disk before it acknowledges."""
    for step in render(templates(), ALONE):
        if "CREATE TABLE" not in step.sql:
            continue
        assert "fsync_after_insert = 1, fsync_part_directory = 1" in step.sql, step.name


def test_progress_and_access_never_expire() -> None:
    """How far the log is stored, and who may come in, has no time to live."""
    kept = {ttl.table for step in render(templates(), ALONE) if (ttl := time_to_live(step, ALONE))}
    assert kept == {table.name for table in TABLES} | {"events", "days", *DAILY.values()}


def test_comments_may_hold_anything() -> None:
    """Semicolons, braces and keywords in comments neither split a statement nor are taken for placeholders."""
    text = "-- a; {b} {database}; DROP\n\n--TTL x + INTERVAL 5 DAY\nCREATE TABLE IF NOT EXISTS {database}.t\n(\n"
    text += "    a String COMMENT 'of {shard}; {x}' -- {y};\n)\nENGINE = {replacing}\nORDER BY a\n"
    [step] = render([Template(7, "007_t", text)], ALONE)
    assert step.sql == (
        "CREATE TABLE IF NOT EXISTS `tokentide`.t\n(\n    a String COMMENT 'of {shard}; {x}' -- {y};\n)\n"
        "ENGINE = ReplacingMergeTree\nORDER BY a"
    )
    assert time_to_live(step, ALONE) is None


def test_a_file_may_hold_several_statements() -> None:
    """A line with a semicolon and nothing else divides them, and a comment may head each."""
    text = "-- one; two\nCREATE OR REPLACE VIEW {database}.a AS SELECT ';'\n"
    text += ";\n-- b;\nCREATE OR REPLACE VIEW {database}.b\n"
    [step] = render([Template(7, "007_views", text)], ALONE)
    first, second = "CREATE OR REPLACE VIEW `tokentide`.a AS SELECT ';'", "CREATE OR REPLACE VIEW `tokentide`.b"
    assert step.statements == (first, second)
    assert step.sql == f"{first};\n\n{second}"


def test_checksums_tell_texts_apart_and_not_targets() -> None:
    """The checksum is of the file, so that another retention or cluster is no other schema."""
    first, second = Template(1, "001_a", "SELECT {database}"), Template(1, "001_a", "SELECT {database} ")
    assert first.checksum != second.checksum
    assert [render([first], target)[0].checksum for target in (ALONE, CLUSTER)] == [first.checksum] * 2


@pytest.mark.parametrize(
    ("engine", "days"),
    [
        (
            "ReplacingMergeTree(version) ORDER BY a TTL bucket + toIntervalDay(400) SETTINGS index_granularity = 8192",
            400,
        ),
        ("ReplacingMergeTree(version) ORDER BY a TTL toDateTime(timestamp) + toIntervalDay(7)", 7),
        ("ReplacingMergeTree ORDER BY a TTL bucket + INTERVAL 9 DAY", 9),
        ("ReplacingMergeTree ORDER BY a SETTINGS index_granularity = 8192", None),
        ("", None),
    ],
)
def test_the_time_to_live_is_read_back(engine: str, days: int | None) -> None:
    """ClickHouse writes the interval in its own way."""
    assert days_kept(engine) == days
