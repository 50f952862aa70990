from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from tests.store_fixtures import free_port
from tokentide.errors import StoreRejected, StoreUnavailable
from tokentide.store import ReadLimits, open_store
from tokentide.store.clickhouse import ClickHouseStore, settings_for


class _Client:
    """Notes what a store asks of its client."""

    database = "tokentide"
    write_compression = None
    failing: Exception | None = None
    summary: Mapping[str, str] = {"written_rows": "1"}

    def __init__(self) -> None:
        self.contexts = 0
        self.inserts: list[tuple[Any, ...]] = []

    def create_insert_context(self, *_: Any) -> Any:
        self.contexts += 1
        return SimpleNamespace(column_types=["String"])

    def insert(self, *arguments: Any, **_: Any) -> Any:
        self.inserts.append(arguments)
        if self.failing:
            raise self.failing
        return SimpleNamespace(summary=self.summary)


def _store(client: _Client) -> ClickHouseStore:
    return ClickHouseStore(client, "somewhere")  # type: ignore[arg-type]


def test_column_types_are_asked_for_once() -> None:
    """The types of a table's columns are remembered for each choice of columns, so that inserts cost one call."""
    client = _Client()
    store = _store(client)
    for _ in range(3):
        store.insert("projects", ("project_id",), [["p"]])
    store.insert("projects", ("org_id",), [["o"]])
    assert client.contexts == 2
    assert [arguments[:4] for arguments in client.inserts[:1]] == [("projects", [["p"]], ("project_id",), "tokentide")]


def test_column_types_are_forgotten_after_a_refusal() -> None:
    """A refused insert asks for the types again, a passing failure does not."""
    client = _Client()
    store = _store(client)
    for client.failing, error in ((OSError(), StoreUnavailable), (ValueError(), StoreRejected), (None, None)):
        if error:
            with pytest.raises(error):
                store.insert("projects", ("project_id",), [["p"]])
        else:
            store.insert("projects", ("project_id",), [["p"]])
    assert client.contexts == 2


def test_settings_of_a_writer() -> None:
    """Acknowledged means stored, nothing is dropped as a duplicate, and numbers are read exactly."""
    assert settings_for(reading=None, replicated=False) == {
        "session_timezone": "UTC",
        "do_not_merge_across_partitions_select_final": 1,
        "async_insert": 0,
        "insert_deduplicate": 0,
        "deduplicate_insert": "disable",
        "precise_float_parsing": 1,
        "input_format_skip_unknown_fields": 1,
        "input_format_defaults_for_omitted_fields": 1,
    }


def test_settings_on_a_cluster() -> None:
    """Writes wait for a quorum one after another, and reads see everything that it has."""
    added = settings_for(reading=None, replicated=True).items() - settings_for(reading=None, replicated=False).items()
    assert dict(added) == {"insert_quorum": "auto", "insert_quorum_parallel": 0, "select_sequential_consistency": 1}


@pytest.mark.parametrize("replicated", [False, True])
def test_readonly_is_set_last(replicated: bool) -> None:  # noqa: FBT001  a parameter of the test
    """Once `readonly` stands nothing else can be set, so it ends the list."""
    settings = settings_for(reading=ReadLimits(7, 99), replicated=replicated)
    assert list(settings)[-1] == "readonly"
    assert (settings["max_execution_time"], settings["max_memory_usage"]) == (7, 99)
    assert ("select_sequential_consistency" in settings) is replicated
    assert "insert_quorum" not in settings


def test_nobody_there_is_a_passing_failure() -> None:
    """When nothing listens, a caller may try again; the message says where, and no password."""
    port = free_port()
    with pytest.raises(StoreUnavailable, match=f"http://127.0.0.1:{port}") as caught:
        open_store(f"http://tide:hush-hush@127.0.0.1:{port}/ignored", "tokentide")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "dsn",
    [
        "http://tide:hush/hush@127.0.0.1:8123",
        "http://tide:hush#hush@127.0.0.1:8123",
        "http://tide:12?hush@127.0.0.1:8123",
        "http://127.0.0.1:port",
        "http://",
        "chdb://folder/x",
        "chdb://",
        "tcp://127.0.0.1:9000",
        "",
    ],
)
def test_a_senseless_dsn_is_refused_without_quoting_it(dsn: str) -> None:
    """A DSN that cannot be meant is refused at once; what may be a password is not shown, not even in the cause."""
    with pytest.raises(StoreRejected, match="DSN") as caught:
        open_store(dsn, "tokentide")
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_the_zone_of_the_machine_changes_nothing(zone: str, tmp_path: object) -> None:
    """Times are UTC on the way in and out, and days begin at midnight UTC, wherever the engine runs."""
    script = f"""
from datetime import UTC, datetime
from tokentide.store import Query, open_store
store = open_store("chdb://{tmp_path}", "")
when = datetime(2026, 9, 21, 22, 30, 0, 123000, UTC)
whole = when.replace(microsecond=0)
store.command("CREATE DATABASE t")
store.command("CREATE TABLE t.x (a DateTime('UTC'), b DateTime64(3, 'UTC')) ENGINE = Memory")
store.close()
store = open_store("chdb://{tmp_path}", "t")
store.insert("x", ("a", "b"), [[whole], [when]])
store.insert_json("x", ("a", "b"), b'{{"a": %d, "b": "2026-09-21T22:30:00.123Z"}}' % whole.timestamp())
sql = "SELECT DISTINCT *, toStartOfDay(toDateTime(a)), timezone() FROM x "
sql += "WHERE a = {{a:DateTime}} AND b = {{b:DateTime64(3)}}"
rows = store.ask(Query("x", sql, {{"a": whole, "b": when}}))
assert rows == [(whole, when, whole.replace(hour=0, minute=0), "UTC")], rows
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"TZ": zone}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("summary", [{}, {"query_id": "x"}])
def test_a_head_that_broke_off_is_no_acknowledgement(summary: dict[str, str]) -> None:
    """Status 200 alone says nothing: a server that died while it inserted had sent that already."""
    client = _Client()
    client.summary = summary
    with pytest.raises(StoreUnavailable, match="broke off"):
        _store(client).insert("projects", ("project_id",), [["p"]])
