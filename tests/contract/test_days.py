"""Daily rows on the engine: the product's statement makes what the hours add up to, and readers are told the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.daily_tables import day_rows
from tests.integration.folded import DAY_MS, START_MS, fold_into, made_up_events
from tests.store_fixtures import migrated
from tokentide.rollups import USAGE, Table
from tokentide.rollups.days import DAY_SECONDS, DayMark, sealing
from tokentide.store import Query, Store, days
from tokentide.store.queries.days import Run, SealedDays, sealed_days
from tokentide.store.queries.sources import LATENCY_SOURCE, USAGE_SOURCE
from tokentide.store.queries.totals import BUCKET, Question, Scope, breakdowns, quantiles, totals
from tokentide.store.queries.window import Window
from tokentide.store.rows import read_between

FIRST = START_MS // DAY_MS
DAYS = 6
SEALED = SealedDays({FIRST + 1: (), FIRST + 2: (), FIRST + 3: (1,), FIRST + 4: ()})
WINDOW = Window(START_MS + 5_000_000, START_MS + DAYS * DAY_MS - 1234)


@pytest.fixture(scope="module")
def filled(place: str) -> Iterator[Store]:
    """A store with the calls of six days from two partitions, and daily rows of those that are `SEALED`."""
    with migrated(place) as store:
        events = [
            event | {"timestamp": event["timestamp"].replace("11-01", f"11-{1 + number % DAYS:02}")}
            for number, event in enumerate(made_up_events(3, 900))
        ]
        fold_into(store, events, START_MS + DAYS * DAY_MS)
        for day, partitions in SEALED.partitions.items():
            days.build_day(store, day, partitions or (0, 1))
        yield store


def scope(**only: str) -> Scope:
    return Scope(("p", "q"), WINDOW, 0, only)


def near(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows that compare equal when floating-point sums differ in the last places, and percentiles within a digest."""
    return [
        tuple(
            pytest.approx(value, rel=0.02, nan_ok=True) if isinstance(value, float | list) else value for value in row
        )
        for row in rows
    ]


QUESTIONS = {
    "everything": totals("q", USAGE_SOURCE, scope(), USAGE.measures),
    "by all dimensions": totals("q", USAGE_SOURCE, scope(), USAGE.measures, by=("project_id", "provider", "model")[1:]),
    "of one agent": totals("q", USAGE_SOURCE, scope(agent_id="a"), ("requests", "cost_nanos")),
    "by day": totals("q", USAGE_SOURCE, scope(), USAGE.measures, by=(BUCKET,), step_seconds=DAY_SECONDS),
    "by week": totals("q", USAGE_SOURCE, scope(), ("requests",), by=(BUCKET, "model"), step_seconds=7 * DAY_SECONDS),
    "breakdowns": breakdowns(
        "q",
        USAGE_SOURCE,
        scope(),
        ("requests", "latency_us_max", "quality_sum"),
        sets=[(BUCKET,), ("provider", "model"), ("task_type",)],
        step_seconds=DAY_SECONDS,
    ),
    "latency": quantiles("q", LATENCY_SOURCE, scope(), "latency", levels=(0.1, 0.5, 0.99)),
    "ttft by model": quantiles("q", LATENCY_SOURCE, scope(), "ttft", levels=(0.5, 0.9), by=("model",)),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_days_and_hours_tell_the_same(filled: Store, name: str) -> None:
    """A question that takes the sealed days from daily rows is answered as from the hours and events alone."""
    question = QUESTIONS[name]
    by_days = _by_days(question)
    assert ("usage_1d" in by_days.sql) != ("latency_1d" in by_days.sql)
    assert filled.ask(by_days) == near(filled.ask(question))


def test_a_question_by_the_hour_takes_no_days() -> None:
    """Daily rows cannot tell hours apart."""
    by_hour = totals("q", USAGE_SOURCE, scope(), ("requests",), by=(BUCKET,))
    assert by_hour.by_days is None


def test_days_are_really_asked(chdb_store: Store) -> None:
    """What is only in the daily rows of a sealed day is told, and what is only in its hours is not; of others it is."""
    columns = ("project_id", "provider", "model", "partition", "requests", "version")
    hour = START_MS // 1000 + DAY_SECONDS
    for at, partition in ((hour, 0), (hour + 2 * DAY_SECONDS, 0), (hour + 2 * DAY_SECONDS, 1)):
        chdb_store.insert("usage_1h", (*columns, "bucket"), [["p"], ["o"], ["m"], [partition], [1], [1], [at]])
    chdb_store.insert("usage_1d", (*columns, "day"), [["p"], ["o"], ["m"], [0], [100], [1], [FIRST + 1]])
    question = totals("q", USAGE_SOURCE, scope(), ("requests",))
    assert chdb_store.ask(question) == [(3,)]
    assert chdb_store.ask(_by_days(question)) == [(100 + 1,)]  # of the other sealed partition the day has nothing


@pytest.mark.parametrize("table", days.DAILY, ids=days.DAILY.values())
def test_the_statement_makes_what_the_simulation_takes_it_to_make(filled: Store, table: Table) -> None:
    """Every row of every sealed day, its version too: the schedules of the simulation hold for this statement."""
    hours: dict[tuple[Any, ...], tuple[int, tuple[Any, ...]]] = {}
    for partition in (0, 1):
        for row in read_between(filled, table, partition, START_MS // 1000, (START_MS + DAYS * DAY_MS) // 1000):
            hours[*row.key, partition] = row.version, row.values
    wanted = {}
    for day, partitions in SEALED.partitions.items():
        for key, version, measures in day_rows(table, day, partitions or (0, 1), {table.name: hours}):
            wanted[key] = (*map(_plain, measures), version)
    key = ["toUInt16(day)" if name == "bucket" else name for name in (*table.key, "partition")]
    sql = f"SELECT {', '.join([*key, *table.measures, 'version'])} FROM {days.DAILY[table]} FINAL"
    found = {row[: len(key)]: tuple(map(_plain, row[len(key) :])) for row in filled.ask(Query("days", sql))}
    assert len(found) > 20
    assert found == wanted


@pytest.mark.parametrize(("version", "holds"), [(days.VERSION, True), (days.VERSION.replace("sum", "max"), False)])
def test_a_day_of_some_hours_never_outvotes_one_of_all(
    chdb_store: Store, monkeypatch: pytest.MonkeyPatch, version: str, *, holds: bool
) -> None:
    """Made between the parts of an insert, and landing last: the sum of versions tells it apart, the highest not."""
    monkeypatch.setattr(days, "VERSION", version)
    _insert_hours(chdb_store, {0: (1, 10), 1: (1, 20)})
    _insert_hours(chdb_store, {0: (2, 11)})  # a part of an insert: both hours were changed by the same record
    days.build_day(chdb_store, FIRST, [0])
    columns = ("project_id", "day", "provider", "model", "partition", "requests", "version")
    late = chdb_store.ask(Query("late", f"SELECT {', '.join(columns)} FROM usage_1d FINAL"))
    _insert_hours(chdb_store, {1: (2, 21)})
    days.build_day(chdb_store, FIRST, [0])
    chdb_store.insert("usage_1d", columns, list(zip(*late, strict=True)))
    assert (_requests_of_days(chdb_store) == [(32,)]) is holds


def test_a_day_that_was_rebuilt_outvotes_higher_versions(chdb_store: Store) -> None:
    """Also when an hour was deleted, and all that is made later."""
    _insert_hours(chdb_store, {0: (5, 10), 1: (5, 20)})
    days.build_day(chdb_store, FIRST, [0])
    chdb_store.command("ALTER TABLE usage_1h DELETE WHERE requests = 20 SETTINGS mutations_sync = 2")
    days.build_day(chdb_store, FIRST, [0])
    assert _requests_of_days(chdb_store) == [(30,)]
    days.build_day(chdb_store, FIRST, [0], rebuilt=True)
    assert _requests_of_days(chdb_store) == [(10,)]
    _insert_hours(chdb_store, {0: (6, 12)})
    days.build_day(chdb_store, FIRST, [0])
    assert _requests_of_days(chdb_store) == [(12,)]


def test_versions_of_the_last_epoch_add_up(chdb_store: Store) -> None:
    """The sum of 24 versions does not overflow, whatever the topic's epoch is."""
    top = 0xFFFF << 48
    _insert_hours(chdb_store, {hour: (top + hour, 1) for hour in range(24)})
    days.build_day(chdb_store, FIRST, [0])
    _insert_hours(chdb_store, {23: (top + 24, 2)})
    days.build_day(chdb_store, FIRST, [0])
    assert _requests_of_days(chdb_store) == [(25,)]


def test_which_days_are_sealed(chdb_store: Store) -> None:
    """The highest mark counts, in the life of the topic that its partition is in; a day may be sealed for some only."""
    epoch, store = 1 << 48, chdb_store
    _insert_progress(store, {0: epoch | 50, 1: 40, 2: 0})
    in_both = [DayMark(1, FIRST + day, 40, 1) for day in range(4)]
    of_now = [DayMark(0, FIRST + day, epoch | 30, 1) for day in range(1, 5)]
    days.write_marks(store, [DayMark(0, FIRST, 30, 1), *of_now, *in_both])
    opened = [DayMark(1, FIRST + 3, 40, 2), DayMark(0, FIRST + 4, epoch | 20, 0), DayMark(0, FIRST + 1, epoch | 31, 0)]
    days.write_marks(store, opened)
    assert _sealed(store, FIRST) == {0: (1,), 1: (1,), 2: (), 3: (0,), 4: (0,)}
    assert _sealed(store, FIRST + 2).keys() == {2, 3, 4}
    before = next(mark for mark in days.read_marks(store, [1]) if mark.day == FIRST + 3)
    days.write_marks(store, [sealing(1, FIRST + 3, 40, before)])
    assert _sealed(store, FIRST + 3) == {3: (), 4: (0,)}


def test_runs_are_days_that_are_sealed_alike() -> None:
    """A run ends where a day is open or sealed for others; a window's own first and last day are no whole ones."""
    assert SEALED.runs(WINDOW) == [
        Run(FIRST + 1, FIRST + 3),
        Run(FIRST + 3, FIRST + 4, (1,)),
        Run(FIRST + 4, FIRST + 5),
    ]
    assert SEALED.runs(Window((FIRST + 1) * DAY_MS, (FIRST + 3) * DAY_MS)) == []


def test_the_first_day(chdb_store: Store) -> None:
    """That of the oldest hour; none in an empty chdb_store."""
    assert days.first_day(chdb_store) is None
    _insert_hours(chdb_store, {5: (1, 1)})
    assert days.first_day(chdb_store) == FIRST


def _by_days(question: Question) -> Question:
    assert question.by_days is not None
    return question.by_days(SEALED)


def _sealed(store: Store, first_day: int) -> dict[int, tuple[int, ...]]:
    """From the first of `FIRST` on, the partitions that are sealed; none for all."""
    found = SealedDays.of(store.ask(sealed_days(first_day))).partitions
    return {day - FIRST: partitions for day, partitions in found.items()}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value


def _insert_hours(store: Store, hours: dict[int, tuple[int, int]]) -> None:
    """By hour: version and requests."""
    for hour, (version, requests) in hours.items():
        row = {"project_id": "p", "bucket": START_MS // 1000 + hour * 3600, "provider": "o", "model": "m"}
        row |= {"partition": 0, "requests": requests, "version": version}
        store.insert("usage_1h", tuple(row), [[value] for value in row.values()])


def _insert_progress(store: Store, positions: dict[int, int]) -> None:
    for partition, version in positions.items():
        row = {"topic": "t", "partition": partition, "epoch": version >> 48, "version": version}
        store.insert("progress", tuple(row), [[value] for value in row.values()])


def _requests_of_days(store: Store) -> list[tuple[Any, ...]]:
    return store.ask(Query("days", "SELECT requests FROM usage_1d FINAL"))
