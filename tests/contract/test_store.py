"""What every store must do, wherever it is: the embedded engine, its HTTP front, a ClickHouse server."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.store_fixtures import a_database, migrated, settings_of, until
from tokentide.errors import StoreOverLimit, StoreRejected, StoreUnavailable
from tokentide.events import DecodedEvent
from tokentide.store import Query, ReadLimits, Store, open_store
from tokentide.store.ddl import Template
from tokentide.store.failures import NOT_NOW, code_of
from tokentide.store.migrate import migrate, templates
from tokentide.store.port import Answer
from tokentide.store.rows import EVENT_COLUMNS

HOUR = 1_790_000_000 // 3600 * 3600
ID = uuid.UUID("0193f2c0-1111-7222-8333-444455556666")


def _time(ms: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def _one(name: str, sql: str, **args: Any) -> Query:
    return Query(name, sql, args)


# For each column type of the schema three values as they are inserted, and as they are read where that differs.
INSERTED: dict[str, Sequence[Any]] = {
    "String": ["", "a'b\\c\n\t;{x}", "模型 🌊"],
    "Nullable(String)": [None, "", "x"],
    "LowCardinality(String)": ["", "gpt-4o", "gpt-4o"],
    "LowCardinality(Nullable(String))": [None, "", "gpt-4o"],
    "FixedString(64)": ["a" * 64, "b" * 64, "0f" * 32],
    "UUID": [uuid.UUID(int=0), ID, uuid.UUID(int=2**128 - 1)],
    "Bool": [False, True, True],
    "Nullable(Bool)": [None, False, True],
    "UInt16": [0, 1, 2**16 - 1],
    "UInt32": [0, 1, 2**32 - 1],
    "UInt64": [0, 2**53 + 1, 2**64 - 1],
    "UInt128": [0, 2**64 + 1, 2**128 - 1],
    "Int64": [-(2**63), 0, 2**63 - 1],
    "Nullable(UInt16)": [None, 0, 999],
    "Nullable(UInt32)": [None, 0, 7],
    "Float64": [0.0, 0.1 + 0.2, 1e300],
    "Nullable(Float64)": [None, 0.0, 0.1],
    "Decimal(18, 9)": [Decimal(0), Decimal("0.000000001"), Decimal("123456789.123456789")],
    "Nullable(Decimal(18, 9))": [None, Decimal(0), Decimal("1.5")],
    "Date": [HOUR // 86400, HOUR // 86400 + 1, HOUR // 86400 + 31],
    "DateTime('UTC')": [HOUR, HOUR + 3600, HOUR + 31 * 86400],
    "DateTime64(3, 'UTC')": [HOUR * 1000 + 123, HOUR * 1000, HOUR * 1000 + 999],
    "Nullable(DateTime64(3, 'UTC'))": [None, HOUR * 1000 + 1, HOUR * 1000],
    "Array(Float32)": [[], [0.25, 1e30], [1.5]],
    "Array(UInt32)": [[], [1, 2**32 - 1], [3]],
    "Array(String)": [[], ["a'b"], ["a", "b"]],
    "Array(LowCardinality(String))": [[], ["a"], ["a", "b"]],
    "Map(LowCardinality(String), String)": [{}, {"a": "b"}, {"k": "模型", "l": ""}],
}
READ: dict[str, Sequence[Any]] = INSERTED | {
    "FixedString(64)": [value.encode() for value in INSERTED["FixedString(64)"]],
    "Date": [_time(value * 86_400_000).date() for value in INSERTED["Date"]],
    "DateTime('UTC')": [_time(value * 1000) for value in INSERTED["DateTime('UTC')"]],
    "DateTime64(3, 'UTC')": [_time(value) for value in INSERTED["DateTime64(3, 'UTC')"]],
    "Nullable(DateTime64(3, 'UTC'))": [None, _time(HOUR * 1000 + 1), _time(HOUR * 1000)],
    "Array(Float32)": [[], [0.25, 1.0000000150474662e30], [1.5]],
}


def _columns(store: Store, table: str) -> dict[str, str]:
    sql = (
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String} "
        "AND default_kind != 'EPHEMERAL' ORDER BY position"
    )
    return {str(name): str(kind) for name, kind in store.ask(_one("columns", sql, table=table))}


def _table_of(template: Template) -> str:
    return template.name.partition("_")[2]


class TestInsert:
    @pytest.mark.parametrize(
        "table", [_table_of(template) for template in templates() if "CREATE TABLE" in template.text]
    )
    def test_every_column_comes_back_as_it_went_in(self, store: Store, table: str) -> None:
        """Each type of the schema keeps its values, the extreme ones too, and types are the same each time."""
        columns = _columns(store, table)
        for _ in range(2):
            store.insert(table, list(columns), [INSERTED[kind] for kind in columns.values()])

        rows = store.ask(_one("all", f"SELECT {', '.join(columns)} FROM {table} FINAL"))

        expected = list(zip(*(READ[kind] for kind in columns.values()), strict=True))
        assert [row for row in expected if row not in rows] == []

    def test_times_may_be_aware_datetimes(self, store: Store) -> None:
        """A datetime of any zone is the instant it means."""
        noon = datetime(2026, 9, 21, 12, tzinfo=timezone(timedelta(hours=-5)))
        columns = ("project_id", "org_id", "created_at")
        store.insert("projects", columns, [["p"], ["o"], [noon]])
        assert store.ask(_one("when", "SELECT created_at FROM projects")) == [(noon,)]

    def test_columns_left_out_take_their_defaults(self, store: Store) -> None:
        """A column with a default need not be named."""
        store.insert("projects", ("project_id", "org_id"), [["p"], ["o"]])
        [(made,)] = store.ask(_one("when", "SELECT created_at FROM projects"))
        assert abs((datetime.now(UTC) - made).total_seconds()) < 60  # noqa: TID251  the engine's clock is this one

    def test_nothing_is_not_sent(self, store: Store) -> None:
        """An insert without rows does nothing, even into a table that does not exist."""
        store.insert("no_such_table", ("a", "b"), [[], []])
        store.insert("no_such_table", (), [])
        store.insert_json("no_such_table", ("a",), b"")

    def test_columns_must_have_one_length(self, store: Store) -> None:
        """Uneven columns are refused whole, before they could shift values between rows."""
        with pytest.raises(StoreRejected, match="projects"):
            store.insert("projects", ("project_id", "org_id"), [["p", "q"], ["o"]])
        assert store.ask(_one("all", "SELECT count() FROM projects")) == [(0,)]

    def test_a_digest_with_uneven_halves_is_refused(self, store: Store) -> None:
        """As many means as weights, or the row would make every percentile query fail."""
        columns = _columns(store, "latency_1h")
        values = {kind: [sample[1]] for kind, sample in INSERTED.items()} | {"Array(UInt32)": [[1]]}
        with pytest.raises(StoreRejected, match="latency_1h") as caught:
            store.insert("latency_1h", list(columns), [values[kind] for kind in columns.values()])
        assert code_of(caught.value) == 469  # VIOLATED_CONSTRAINT
        assert store.ask(_one("all", "SELECT count() FROM latency_1h")) == [(0,)]

    def test_an_unknown_table_is_named(self, store: Store) -> None:
        """A table that is not there is a refusal with ClickHouse's code, not a reason to try again."""
        with pytest.raises(StoreRejected, match="no_such_table") as caught:
            store.insert("no_such_table", ("a",), [[1]])
        assert code_of(caught.value) == 60  # UNKNOWN_TABLE

    @pytest.mark.parametrize(
        ("columns", "values"),
        [
            (("project_id", "no_such_column"), [["p"], ["o"]]),
            (("project_id", "org_id"), [["p"], [None]]),
            (("project_id", "org_id"), [["p"], [7]]),
            (("project_id", "org_id"), [["p"], ["\ud800"]]),
            (("project_id", "org_id", "created_at"), [["p"], ["o"], ["yesterday"]]),
        ],
    )
    def test_values_that_do_not_fit_are_refused(self, store: Store, columns: Sequence[str], values: Any) -> None:
        """A value of the wrong kind is a mistake of the caller: nothing is stored, and trying again is no use."""
        with pytest.raises(StoreRejected, match="projects"):
            store.insert("projects", columns, values)
        assert store.ask(_one("all", "SELECT count() FROM projects")) == [(0,)]

    def test_a_column_that_was_added_later_can_be_inserted(self, store: Store) -> None:
        """Remembered column types do not outlive a refusal."""
        with pytest.raises(StoreRejected):
            store.insert("projects", ("project_id", "colour"), [["p"], ["red"]])
        store.command("ALTER TABLE projects ADD COLUMN colour String")
        store.insert("projects", ("project_id", "colour"), [["p"], ["red"]])
        assert store.ask(_one("all", "SELECT project_id, colour FROM projects")) == [("p", "red")]

    def test_a_store_that_has_enough_for_now_is_unavailable(self, store: Store) -> None:
        """Too many parts, as when merges do not keep up, is a passing failure, and is not taken for success."""
        store.command(
            "CREATE TABLE full (a UInt8) ENGINE = MergeTree ORDER BY a "
            "SETTINGS parts_to_delay_insert = 1, parts_to_throw_insert = 1, max_delay_to_insert = 0"
        )
        store.command("SYSTEM STOP MERGES full")
        store.insert("full", ("a",), [[1]])
        for attempt in (
            lambda: store.insert("full", ("a",), [[2]]),
            lambda: store.insert_json("full", ("a",), b'{"a":3}'),
        ):
            with pytest.raises(StoreUnavailable, match="full") as caught:
                attempt()
            assert code_of(caught.value) == 252  # TOO_MANY_PARTS
        assert store.ask(_one("all", "SELECT a FROM full")) == [(1,)]

    def test_the_same_block_twice_is_stored_twice(self, store: Store) -> None:
        """ClickHouse must not drop a replayed block: after a restore the rows it remembers are not there any more."""
        store.command(
            "CREATE TABLE blocks (a UInt8) ENGINE = MergeTree ORDER BY a "
            "SETTINGS non_replicated_deduplication_window = 9"
        )
        for _ in range(2):
            store.insert("blocks", ("a",), [[1]])
            store.insert_json("blocks", ("a",), b'{"a":2}\n')
        assert store.ask(_one("all", "SELECT a FROM blocks ORDER BY a")) == [(1,), (1,), (2,), (2,)]


class TestRows:
    COLUMNS = ("project_id", "bucket", "provider", "model", "partition", "rate_limited", "version")

    def _insert(self, store: Store, *rows: tuple[int, int, int]) -> None:
        values = [("p", bucket, "x", "m", 0, count, version) for bucket, count, version in rows]
        store.insert("rate_limits_1m", self.COLUMNS, list(zip(*values, strict=True)))

    @pytest.mark.parametrize("versions", [(1, 2, 3), (3, 1, 2), (2, 3, 1), (3, 3, 3)])
    def test_the_highest_version_counts(self, store: Store, versions: tuple[int, ...]) -> None:
        """Whatever the order in which rows of one key arrive, FINAL shows one: the longest prefix of the log."""
        for version in versions:
            self._insert(store, (HOUR, 10 * version, version))
        sql = "SELECT rate_limited, version FROM rate_limits_1m FINAL"
        assert store.ask(_one("final", sql)) == [(30, 3)]

    def test_months_are_partitions(self, store: Store) -> None:
        """Rows lie by month, and FINAL still shows one row of each key."""
        other_month = HOUR + 40 * 86400
        for version in (2, 1):
            self._insert(store, (HOUR, version, version), (other_month, version, version))
        sql = "SELECT DISTINCT partition FROM system.parts WHERE database = currentDatabase() AND active ORDER BY 1"
        months = [value for (value,) in store.ask(_one("parts", sql)) if value != "tuple()"]
        assert months == [f"{_time(second * 1000):%Y%m}" for second in (HOUR, other_month)]
        assert store.ask(_one("final", "SELECT rate_limited FROM rate_limits_1m FINAL")) == [(2,), (2,)]


class TestInsertJson:
    COLUMNS = ("project_id", "event_id", "event_time_ms", "cost_nanos", "status", "latency_ms", "log_offset")

    def _line(self, **fields: Any) -> bytes:
        known = {"project_id": "p", "event_id": str(ID), "event_time_ms": HOUR * 1000, "status": "success"}
        return json.dumps(known | fields).encode() + b"\n"

    def test_time_and_money_come_from_integers(self, store: Store) -> None:
        """`event_time_ms` and `cost_nanos` become the timestamp and the exact decimal."""
        lines = self._line(event_time_ms=HOUR * 1000 + 7, cost_nanos=123_456_789_012_345_678)
        store.insert_json("events", self.COLUMNS, lines)
        assert store.ask(_one("event", "SELECT timestamp, cost_usd FROM events")) == [
            (_time(HOUR * 1000 + 7), Decimal("123456789.012345678"))
        ]

    def test_what_a_row_lacks_takes_its_default(self, store: Store) -> None:
        """Defaults hold for columns that are not named and for columns that this row lacks."""
        store.insert_json("events", self.COLUMNS, self._line(log_offset=41) + self._line())
        sql = "SELECT kind, operation, sample_rate, version, cost_usd, teams, provider FROM events ORDER BY log_offset"
        assert store.ask(_one("event", sql)) == [
            ("llm", "chat", 1.0, 1, Decimal(0), [], None),
            ("llm", "chat", 1.0, 42, Decimal(0), [], None),
        ]

    def test_keys_that_are_not_named_are_ignored(self, store: Store) -> None:
        """A key that is a column, but not one that the caller named, changes nothing; nor does a key that is none."""
        store.insert_json("events", self.COLUMNS, self._line(kind="mcp", cost_usd=7, version=9, no_such_column=1))
        assert store.ask(_one("event", "SELECT kind, cost_usd, version FROM events")) == [("llm", Decimal(0), 1)]

    def test_floats_keep_their_last_bit(self, store: Store) -> None:
        """A float is read as the nearest representable one, which the sums of a left fold rely on."""
        draw = random.Random(7)
        floats = [draw.random() * 10 ** draw.randrange(-9, 9) for _ in range(2000)]
        lines = b"".join(self._line(latency_ms=value, log_offset=at) for at, value in enumerate(floats))
        store.insert_json("events", self.COLUMNS, lines)
        assert [
            value for (value,) in store.ask(_one("floats", "SELECT latency_ms FROM events ORDER BY log_offset"))
        ] == floats

    def test_a_decoded_event_is_a_row(self, store: Store) -> None:
        """What the worker encodes is stored as it is, field by field, with its place in the log."""
        event = DecodedEvent(
            event_id=ID, project_id="p", timestamp="unused", status="error", latency_ms=1.5, provider="openai",
            model="gpt-4o", http_status=429, teams=["a", "b"], metadata={"k": "v"}, validation_passed=False,
            cost_ceiling_nanos=2_000_000_000, event_time_ms=HOUR * 1000, log_partition=3, log_offset=5, log_index=1,
        )  # fmt: skip
        store.insert_json("events", EVENT_COLUMNS, msgspec.json.encode(event) + b"\n")
        sql = (
            "SELECT event_id, provider, http_status, teams, metadata, validation_passed, cost_ceiling_usd, "
            "potential_cost_savings, timestamp, log_partition, log_offset, log_index FROM events"
        )
        assert store.ask(_one("event", sql)) == [
            (ID, "openai", 429, ["a", "b"], {"k": "v"}, False, Decimal(2), None, _time(HOUR * 1000), 3, 5, 1)
        ]

    def test_broken_lines_are_refused(self, store: Store) -> None:
        """What is not JSON, or not of the column's type, is refused, and says where."""
        for lines in (b'{"project_id"', self._line(latency_ms="fast")):
            with pytest.raises(StoreRejected, match="events"):
                store.insert_json("events", self.COLUMNS, lines)


class TestAsk:
    @pytest.mark.parametrize(
        ("kind", "value", "expected"),
        [
            ("String", "'; DROP TABLE usage_1h; --", "'; DROP TABLE usage_1h; --"),
            ("String", "a\\b\n\t%s{x:String}", "a\\b\n\t%s{x:String}"),
            ("Array(String)", ["a'b", "c\\d"], ["a'b", "c\\d"]),
            ("Array(String)", ("a", "b"), ["a", "b"]),
            ("Array(String)", [], []),
            ("Nullable(String)", None, None),
            ("UInt64", 2**64 - 1, 2**64 - 1),
            ("Bool", True, True),
            ("Float64", 0.1, 0.1),
            ("UUID", ID, ID),
            ("Decimal(18, 9)", Decimal("1.000000001"), Decimal("1.000000001")),
            ("DateTime", _time(HOUR * 1000), _time(HOUR * 1000)),
            ("DateTime('UTC')", HOUR, _time(HOUR * 1000)),
            ("DateTime", _time(0), _time(0)),
            ("DateTime64(3)", _time(HOUR * 1000 + 7), _time(HOUR * 1000 + 7)),
            ("Array(DateTime('UTC'))", [_time(HOUR * 1000)], [_time(HOUR * 1000)]),
        ],
    )
    def test_values_are_bound_by_the_server(self, shared_store: Store, kind: str, value: Any, expected: Any) -> None:
        """A value is data whatever it looks like, and comes back as it was."""
        assert shared_store.ask(_one("echo", f"SELECT {{value:{kind}}}", value=value)) == [(expected,)]

    def test_times_are_aware_and_utc(self, shared_store: Store) -> None:
        """Times of expressions, which name no zone, are UTC as those of columns are."""
        sql = f"SELECT toDateTime({HOUR}), toStartOfDay(toDateTime({HOUR})), fromUnixTimestamp64Milli({HOUR * 1000})"
        [row] = shared_store.ask(_one("times", sql))
        assert row == (_time(HOUR * 1000), _time(HOUR // 86400 * 86_400_000), _time(HOUR * 1000))
        assert {value.utcoffset() for value in row} == {timedelta(0)}

    def test_a_value_must_have_its_place(self, shared_store: Store) -> None:
        """A value that the SQL does not bind is refused: it might have been meant to be pasted into the text."""
        with pytest.raises(StoreRejected, match=r"pasted.*who"):
            shared_store.ask(Query("pasted", "SELECT '%(who)s'", {"who": "x"}))

    def test_an_unknown_table_names_the_query(self, shared_store: Store) -> None:
        """The message says which question failed, so that a log line is enough."""
        with pytest.raises(StoreRejected, match="the_question") as caught:
            shared_store.ask(Query("the_question", "SELECT 1 FROM no_such_table"))
        assert code_of(caught.value) == 60

    def test_no_rows_are_an_empty_list(self, shared_store: Store) -> None:
        """A question without an answer is no error."""
        assert shared_store.ask(_one("none", "SELECT project_id FROM errors_1h")) == []

    def test_threads_may_share_a_store(self, shared_store: Store) -> None:
        """Inserts and questions of several threads do not disturb each other."""

        def work(number: int) -> list[tuple[Any, ...]]:
            shared_store.insert("projects", ("project_id", "org_id"), [[f"p{number}"], ["o"]])
            sql = "SELECT project_id FROM projects WHERE project_id = {project:String}"
            return shared_store.ask(_one("mine", sql, project=f"p{number}"))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(32))) == [[(f"p{number}",)] for number in range(32)]


@pytest.fixture(scope="class")
def reader(place: str) -> Iterator[Store]:
    """A read-only store with one project in it."""
    with migrated(place) as writer:
        writer.insert("projects", ("project_id", "org_id"), [["p"], ["o"]])
        [(database,)] = writer.ask(_one("database", "SELECT currentDatabase()"))
        with closing(open_store(place, database, read_only=True)) as reader:
            yield reader


class TestReadOnly:
    def test_reading_works(self, reader: Store) -> None:
        """A read-only store answers, with bound values too."""
        sql = "SELECT org_id FROM projects FINAL WHERE project_id = {project:String}"
        assert reader.ask(_one("org", sql, project="p")) == [("o",)]

    def test_a_question_is_given_up_at_its_limits(self, place: str) -> None:
        """Too much time or memory ends a question; that is no reason to try again, and the store goes on."""
        slow = "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) % 7 = 3"
        large = "SELECT length(groupArray(number)) FROM numbers(200000000)"
        limits = ReadLimits(1, 100_000_000)
        with closing(open_store(place, "default", read_only=True, limits=limits)) as limited:
            for sql in (slow, large):
                with pytest.raises(StoreOverLimit):
                    limited.ask(_one("heavy", sql))
            assert limited.ask(_one("light", "SELECT 1")) == [(1,)]

    def test_a_question_can_be_cancelled_by_its_mark(self, place: str) -> None:
        """Another connection stops the one question with that mark; to stop what is not there has no effect."""
        slow = Query("slow", "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) % 7 = 3", asking="a1")
        running = _one(
            "running",
            "SELECT count() FROM system.processes WHERE position(query, {mark:String}) > 0 "
            "AND query NOT LIKE '%system.processes%'",
            mark="/* a1 */",
        )
        with (
            closing(open_store(place, "default", read_only=True)) as asking,
            closing(open_store(place, "default", read_only=True)) as another,
            ThreadPoolExecutor() as pool,
        ):
            asked = pool.submit(asking.ask, slow)
            until(lambda: another.ask(running) == [(1,)], seconds=25)
            another.cancel("b2")
            assert another.ask(running) == [(1,)]
            another.cancel("a1")
            with pytest.raises(StoreUnavailable):
                asked.result(20)
            assert asking.ask(_one("next", "SELECT 1")) == [(1,)]

    def test_long_lists_can_be_bound(self, reader: Store) -> None:
        """A question may carry more values than a URL has room for, whatever they are made of."""
        lists = {f"l{number}": ["\\'é" * 16_000] for number in range(15)}
        told = " + ".join(f"length({{{name}:Array(String)}}[1])" for name in lists)
        assert reader.ask(_one("long", f"SELECT {told}", **lists)) == [(15 * 16_000 * 4,)]

    def test_an_answer_knows_what_was_read_for_it(self, reader: Store) -> None:
        """Rows and bytes of tables are counted."""
        answer = reader.ask(_one("org", "SELECT org_id FROM projects FINAL"))
        assert isinstance(answer, Answer)
        assert answer.read_rows == 1
        assert answer.read_bytes > 0

    @pytest.mark.parametrize(
        "attempt",
        [
            lambda store: store.insert("projects", ("project_id", "org_id"), [["q"], ["o"]]),
            lambda store: store.insert_json("projects", ("project_id", "org_id"), b'{"project_id":"q"}\n'),
            lambda store: store.command("DROP TABLE projects"),
            lambda store: store.command("TRUNCATE TABLE projects"),
            lambda store: store.command("ALTER TABLE projects DELETE WHERE 1"),
            lambda store: store.command("CREATE TABLE more (a UInt8) ENGINE = Memory"),
            lambda store: store.command("SET readonly = 0"),
            lambda store: store.ask(_one("two", "SELECT 1; DROP TABLE projects")),
            lambda store: store.ask(_one("two", "SELECT 1; SELECT 2")),
            lambda store: store.ask(_one("file", "SELECT * FROM file('/etc/hostname', 'RawBLOB')")),
        ],
    )
    def test_everything_else_is_refused(self, reader: Store, attempt: Any) -> None:
        """No statement changes anything through a read-only store, nor do two in one text."""
        with pytest.raises(StoreRejected):
            attempt(reader)
        assert reader.ask(_one("all", "SELECT project_id FROM projects")) == [("p",)]


class TestChanging:
    def test_exactly_the_rows_that_are_named_are_deleted(self, store: Store) -> None:
        """Values are bound by the server, whatever they hold; it is done when the call returns."""
        names = ["a'b\\c {x:String}", "p", "q"]
        store.insert("projects", ["project_id", "org_id"], [names, ["o"] * 3])
        gone = "ALTER TABLE projects DELETE WHERE project_id = {project:String} SETTINGS mutations_sync = 2"
        store.change(_one("gone", gone, project=names[0]))
        assert store.ask(_one("left", "SELECT project_id FROM projects ORDER BY project_id")) == [("p",), ("q",)]
        with pytest.raises(StoreRejected, match="running gone on"):
            store.change(_one("gone", gone.replace("project_id", "nothing"), project="p"))

    def test_of_equal_versions_the_last_inserted_counts(self, store: Store) -> None:
        """So a row that was altered is replaced by the right one, without a higher version."""
        columns = ["topic", "partition", "position", "version"]
        for position in (1, 3, 2):
            store.insert("progress", columns, [["t"], [0], [position], [7]])
            assert store.ask(_one("kept", "SELECT position FROM progress FINAL")) == [(position,)]
        store.command("OPTIMIZE TABLE progress FINAL")
        assert store.ask(_one("kept", "SELECT position FROM progress")) == [(2,)]


class TestOpening:
    def test_the_database_need_not_exist(self, place: str) -> None:
        """A store opens before its database is made, refuses with the reason, and works when it is there."""
        with a_database(place) as database, closing(open_store(place, database)) as store:
            with pytest.raises(StoreRejected, match="nothing_yet") as caught:
                store.ask(_one("nothing_yet", "SELECT 1 FROM projects"))
            assert code_of(caught.value) in {60, 81}
            migrate(settings_of(place, database))
            assert store.ask(_one("all", "SELECT count() FROM projects")) == [(0,)]

    def test_the_codes_are_what_clickhouse_calls_them(self, shared_store: Store) -> None:
        """The closed set of passing failures has ClickHouse's own names."""
        sql = "SELECT code, toString(errorCodeToName(code)) FROM (SELECT arrayJoin({codes:Array(UInt32)}) AS code)"
        named = dict(shared_store.ask(_one("names", sql, codes=list(NOT_NOW))))
        assert {code: name for code, name in named.items() if name not in {"", NOT_NOW[code]}} == {}
