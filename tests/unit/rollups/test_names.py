"""A project that invents names shares rows with itself: what is told apart, what is not, and that nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import AT_MS, HOUR_MS, an_event, record, the_event
from tests.fakes import FakeRecord
from tests.oracle.rollups import OTHER
from tests.unit.rollups.logs import Shell, Stored, expected, fold_settings, logs, same_rows
from tokentide.events import Stretch
from tokentide.rollups import FoldSettings, PartitionState, Position
from tokentide.rollups.tables import ERRORS, LATENCY, PROVIDER_HEALTH, RATE_LIMITS, USAGE

TEN = 1_776_679_200
MANY = 1_000_000
AT_ONCE = 10_000


def a_state(most=2):
    return PartitionState(0, FoldSettings(max_names=most), Position())


def folded(*events, most=2):
    """Names → how many calls, of each table, after the events in this order, which are of one hour."""
    state = a_state(most)
    for number, fields in enumerate(events):
        state.fold(record(number, an_event(number, **fields)))
    found = {table: {} for table in (USAGE, LATENCY, ERRORS, RATE_LIMITS, PROVIDER_HEALTH)}
    for bucket, row in state.snapshot().rows:
        found[bucket.table][row.key[2:]] = sum(row.values[1]) if bucket.table is LATENCY else row.values[0]
    return found, state.take_counts()


def test_the_first_names_have_rows_and_the_rest_share_one():
    """A name with a row keeps it; one that comes when there is no room is counted with its provider alone."""
    models = ("a", "b", "c", "a", "d", "b", "c")
    found, counts = folded(*({"model": model, "agent_id": "x", "task_type": "t"} for model in models))
    assert found[USAGE] == {
        ("openai", "a", "x", "t"): 2,
        ("openai", "b", "x", "t"): 2,
        ("openai", OTHER, OTHER, OTHER): 3,
    }
    assert found[LATENCY] == {("openai", "a"): 2, ("openai", "b"): 2, ("openai", OTHER): 3}
    assert found[PROVIDER_HEALTH] == {("openai",): 7}
    assert (counts.other_names, counts.full_hours) == (3, {("p", TEN)})


def test_a_name_is_the_combination():
    """Agents and tasks take room as models do, for each makes a row."""
    found, _ = folded({}, {"agent_id": "x"}, {"task_type": "t"}, {})
    assert found[USAGE] == {
        ("openai", "gpt-4o", "", ""): 2,
        ("openai", "gpt-4o", "x", ""): 1,
        ("openai", OTHER, OTHER, OTHER): 1,
    }


def test_an_invented_provider_is_not_kept():
    """A provider that came too late shares the row without one; those that were there are as exact as ever."""
    found, _ = folded({}, {"provider": "mine"}, {"model": "x"}, {"provider": "new"}, {"provider": "mine", "model": "x"})
    assert found[PROVIDER_HEALTH] == {("openai",): 2, ("mine",): 2, (OTHER,): 1}
    assert found[USAGE][OTHER, OTHER, OTHER, OTHER] == 1


def test_each_hour_of_each_project_has_its_own_room():
    """What one project does, or did an hour ago, takes nothing from another."""
    fields = [{"model": f"m{n}", "project_id": "pq"[n % 2], "at_ms": AT_MS + n // 2 * HOUR_MS} for n in range(4)]
    found, counts = folded(*fields, most=1)
    assert set(found[USAGE].values()) == {1}
    assert (counts.other_names, counts.full_hours) == (0, set())


def test_groups_of_errors_have_a_room_of_their_own():
    """An error_code for each call ends in one group for each model; names are not touched by that."""
    found, counts = folded(*({"status": "error", "error_code": f"E{number % 5}"} for number in range(10)))
    assert found[ERRORS] == {
        ("E0", "openai", "gpt-4o"): 2,
        ("E1", "openai", "gpt-4o"): 2,
        (OTHER, "openai", "gpt-4o"): 6,
    }
    assert found[USAGE] == {("openai", "gpt-4o", "", ""): 10}
    assert (counts.other_names, counts.other_codes, counts.full_hours) == (0, 6, {("p", TEN)})


def test_errors_and_rate_limits_are_named_as_their_calls():
    """All tables tell the same names, or they could not be read side by side."""
    found, _ = folded({}, {"model": "b", "status": "rate_limited"}, {"model": "c", "status": "rate_limited"}, most=1)
    assert found[ERRORS] == {("rate_limited", "openai", OTHER): 2}
    assert found[RATE_LIMITS] == {("openai", OTHER): 2}


def test_a_model_that_is_really_called_so():
    """`__other__` is a model's name as any other, unless agent and task are called so too: that is a shared row's."""
    found, counts = folded({"model": OTHER}, {"model": OTHER, "agent_id": OTHER, "task_type": OTHER}, {"model": OTHER})
    assert found[USAGE] == {("openai", OTHER, "", ""): 2, (OTHER, OTHER, OTHER, OTHER): 1}
    assert counts.other_names == 1


def test_an_error_code_that_is_really_called_so_takes_no_room():
    """It is counted in the group that shares, whether there is room or not."""
    codes = (OTHER, "E1", "E2", "E3")
    found, counts = folded(*({"status": "error", "error_code": code} for code in codes))
    assert {key[0]: count for key, count in found[ERRORS].items()} == {OTHER: 2, "E1": 1, "E2": 1}
    assert counts.other_codes == 1


@given(logs(), fold_settings, st.data())
def test_rows_that_are_ahead_decide_nothing(log, settings, data):
    """Whatever part of later flushes is read back, the log from its beginning on comes to the same rows."""
    shell = Shell(log, Stored(), settings)
    ahead = Stored()
    for entry in log:
        shell.fold([entry])
        snapshot = shell.state.snapshot()
        for bucket, row in snapshot.rows:
            if data.draw(st.booleans()):
                ahead.rows[bucket.table, 0, row.key] = row
    again = Shell(log, ahead, settings)
    again.fold_rest()
    again.flush()
    same_rows(ahead, expected(log, settings)[1])


@given(logs(min_records=2), fold_settings, st.integers(1, 3))
def test_another_limit_holds_from_then_on(log, settings, most):
    """After a change no call is lost, and no name with a row loses it."""
    shell = Shell(log, Stored(), settings)
    shell.fold(log[: len(log) // 2])
    shell.flush()
    before = {key for (table, _, key) in shell.stored.rows if table is USAGE}
    shell = Shell(log, shell.stored, replace(settings, max_names=most))
    shell.fold_rest()
    shell.flush()
    rows = {key: row for (table, _, key), row in shell.stored.rows.items() if table is USAGE}
    assert before <= rows.keys()
    _, wanted = expected(log, settings)
    assert sum(row.values[0] for row in rows.values()) == sum(row["requests"] for row in wanted["usage_1h"].values())


@pytest.mark.no_cover  # its loop takes five times as long when it is traced
@pytest.mark.timeout(300)
def test_a_million_models_in_an_hour():
    """A project that invents a model and an agent for every call, and an error for every tenth, takes bounded memory.

    Nothing in memory grows with the calls but their durations, eight bytes each until the next flush.
    """
    state = PartitionState(0, FoldSettings(dedup_max_ids=1000, keep_events=False), Position())
    events = [
        the_event(agent_id="a", error_code="E", status="success" if number % 10 else "error")
        for number in range(AT_ONCE)
    ]
    for begin in range(0, MANY, AT_ONCE):
        for number, event in enumerate(events, begin):
            event.event_id, event.model, event.agent_id = UUID(int=number), f"m{number}", f"a{number}"
            event.error_code = f"E{number}"
        state.fold(at_offset(begin, events))
        if begin == MANY // 2:
            before = resident_bytes()
    most = FoldSettings().max_names
    assert {kind.table: len(buckets) for kind, buckets in state.tables.items() if buckets} == {
        USAGE: most + 1,
        LATENCY: most + 1,
        ERRORS: most + 1,
        PROVIDER_HEALTH: 1,
    }
    assert state.waiting <= 4 * (most + 1)
    assert len(state._routes) <= most + 1
    assert resident_bytes() - before < 20_000_000 + MANY // 2 * 8
    rows = [row for bucket, row in state.snapshot().rows if bucket.table is USAGE]
    assert sum(row.values[0] for row in rows) == MANY
    counts = state.take_counts()
    assert (counts.events, counts.other_names, counts.other_codes) == (MANY, MANY - most, MANY // 10 - most)


def at_offset(offset, events):
    """A record of the events, as if it was decoded."""
    places = range(len(events))
    records = [FakeRecord(offset, AT_MS, b"")]
    return Stretch(records, 0, events, [offset] * len(events), list(places), [(AT_MS, len(events))])


def resident_bytes():
    """Of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096
