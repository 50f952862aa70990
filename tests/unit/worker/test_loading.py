"""How a partition's state is put together, in which order, and what is refused."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.builders import AT_MS, HOUR_MS, an_event
from tests.fakes import FakeLog, FakeRecord, FakeRows, Gate, Line, in_virtual_time
from tests.unit.worker.world import DEDUP_MS, MINUTE_MS, World
from tokentide.errors import LogMismatch
from tokentide.rollups import Position
from tokentide.store.rows import Progress
from tokentide.worker.loading import load, mismatch
from tokentide.worker.ports import Bounds

EPOCH = 1 << 48


def stored_world(**load):
    """A partition of four records, all of them stored and committed."""
    world = World(**load)
    for number in range(4):
        world.append(0, AT_MS + number * MINUTE_MS, an_event(number, at_ms=AT_MS))
    return world


async def stored(world):
    assert await world.worker().work()
    return world


async def loaded(world, line=None):
    line = line or Line()
    return await load(0, FakeRows(world.tables, line), FakeLog(world.topic, line), world.load)


def again(world, epoch):
    """The same world, with settings that say another epoch."""
    other = World(epoch=epoch)
    other.topic, other.tables = world.topic, world.tables
    return other


# ---- what is refused


@pytest.mark.parametrize(
    ("position", "bounds", "says"),
    [
        # stored up to     the log holds, committed
        (None, Bounds(0, 0, None), None),
        (None, Bounds(0, 9, None), None),
        (None, Bounds(5, 9, 0), None),
        (None, Bounds(0, 9, 3), "offset 3 is committed, the store holds the log only up to 0"),
        (Position(4), Bounds(0, 9, None), None),
        (Position(4), Bounds(0, 9, 2), None),
        (Position(4), Bounds(0, 4, 4), None),
        (Position(4), Bounds(6, 9, 4), None),
        (Position(4), Bounds(0, 9, 5), "offset 5 is committed, the store holds the log only up to 4"),
        (Position(4), Bounds(0, 3, 2), "the log ends at offset 3, the store holds it up to 4"),
        (Position(4, epoch=1), Bounds(0, 9, 4), "the store is at topic epoch 1, TOKENTIDE_TOPIC_EPOCH says 0"),
    ],
)
def test_what_the_log_cannot_continue(position, bounds, says):
    """Store, log and commits must fit together; a commit that stayed behind does."""
    assert mismatch(position, bounds, epoch=0) == says


def test_a_new_life_of_the_topic_begins_anew():
    """With a raised epoch neither the end of the log nor old commits say anything against it."""
    assert mismatch(Position(400, epoch=1), Bounds(0, 3, 400), epoch=2) is None


@in_virtual_time
async def test_a_contradiction_that_stays_is_refused():
    """After the patience the message names the partition, what is wrong, and both ways out with their commands."""
    world = await stored(stored_world(patience_seconds=5, group="g", topic="t"))
    world.topic.committed[0] = 5
    began = asyncio.get_running_loop().time()
    with pytest.raises(LogMismatch) as refused:
        await loaded(world)
    assert 5 <= asyncio.get_running_loop().time() - began < 7
    for words in ("t[0]: offset 5 is committed", "TOKENTIDE_TOPIC_EPOCH=1", "--group g --topic t --reset-offsets"):
        assert words in str(refused.value)


@in_virtual_time
async def test_a_replica_that_lags_is_waited_for():
    """It shows an older progress at first; when it catches up in time, everything is fine."""
    world = stored_world(patience_seconds=30)
    worker = world.worker()
    await worker.join()
    await worker.feed(2)
    await worker.flush()
    older = world.tables.progress[0]
    await worker.feed(2)
    await worker.flush()
    newest, world.tables.progress[0] = world.tables.progress[0], older
    loading = asyncio.create_task(loaded(world))
    await asyncio.sleep(20)
    assert not loading.done()
    world.tables.progress[0] = newest
    assert (await loading).state.next_offset == 4


@in_virtual_time
async def test_an_answer_that_took_longer_than_the_patience_is_asked_again():
    """Someone else stores and commits more while the end of the log is waited for: patience begins with the doubt."""
    world, line, gate = await stored(stored_world(patience_seconds=30)), Line(), Gate()
    line.lay_out("bounds", gate)
    loading = asyncio.create_task(loaded(world, line))
    await gate.reached.wait()
    world.append(0, AT_MS + 4 * MINUTE_MS, an_event(4, at_ms=AT_MS))
    assert await world.worker().work()
    await asyncio.sleep(60)
    gate.open()
    assert (await loading).state.next_offset == 5


@in_virtual_time
async def test_another_record_in_the_place_of_the_last_stored_one_is_refused():
    """The topic was deleted and made again, and has already grown beyond the old position."""
    world = await stored(stored_world())
    world.topic.records[0][3] = FakeRecord(3, AT_MS, b"another life")
    with pytest.raises(LogMismatch, match="the record at offset 3 is not the one that was stored"):
        await loaded(world)


@in_virtual_time
async def test_a_shorter_log_is_refused():
    """The topic was deleted and made again, and is still young."""
    world = await stored(stored_world())
    del world.topic.records[0][2:]
    world.topic.committed.clear()
    with pytest.raises(LogMismatch, match="the log ends at offset 2, the store holds it up to 4"):
        await loaded(world)


@in_virtual_time
async def test_an_epoch_below_the_stored_one_is_refused():
    """Its rows would lose against those of the later life; waiting would change nothing."""
    world = await stored(stored_world(epoch=2))
    began = asyncio.get_running_loop().time()
    with pytest.raises(LogMismatch) as refused:
        await loaded(again(world, 1))
    assert str(refused.value) == (
        "llm.events[0]: the store is at topic epoch 2, TOKENTIDE_TOPIC_EPOCH says 1: set it to 2 for every worker"
    )
    assert asyncio.get_running_loop().time() == began


@in_virtual_time
async def test_a_raised_epoch_starts_at_the_beginning_and_keeps_what_was():
    """Rows of both lives count, each row's version has its epoch in the high bits, and log time begins anew."""
    old = await stored(stored_world())
    new = again(old, 1)
    new.topic.records[0] = []
    new.append(0, AT_MS - MINUTE_MS, an_event(77, at_ms=AT_MS))
    worker = new.worker()
    await worker.join()
    state = worker.pipeline.states[0]
    assert state.next_offset == 0
    assert state.floor_ms == AT_MS + 3 * MINUTE_MS - 2 * HOUR_MS
    await worker.feed()
    assert await worker.flush()
    ((version, measures),) = new.tables.rows["usage_1h"].values()
    assert version == EPOCH + 1
    assert measures[0] == 5
    assert len(new.tables.events) == 5
    entry = new.tables.progress[0][1]
    assert entry.position.epoch == 1
    assert (entry.position.offset, entry.position.log_time_ms) == (1, AT_MS - MINUTE_MS)
    assert new.topic.committed == {0: 1}


@pytest.mark.parametrize("restarts", [False, True])
@in_virtual_time
async def test_the_clock_of_a_topic_that_was_made_again_starts_with_its_first_record(restarts):
    """What is a repeat is told by the log of this life alone: a restart changes nothing, however late the old life was.

    The new life's records are a day older than those of the life before, and an id comes again after the window.
    """
    new = again(await stored(stored_world()), 1)
    new.topic.records[0] = []
    for minutes, number in ((0, 77), (40, 78), (45, 77), (50, 78)):
        new.append(0, AT_MS - 24 * HOUR_MS + minutes * MINUTE_MS, an_event(number, at_ms=AT_MS - 24 * HOUR_MS))
    worker = new.worker()
    await worker.join()
    await worker.feed(2)
    assert await worker.flush()
    if restarts:
        worker = new.worker()
        await worker.join()
    await worker.feed()
    assert await worker.flush()
    rows = new.tables.rows["usage_1h"]
    assert sum(measures[0] for _, measures in rows.values()) == 4 + 3


# ---- the order


@in_virtual_time
async def test_progress_comes_first_then_rows_then_the_window():
    """In any other order a flush of someone else, in between, would go unseen."""
    world = await stored(stored_world())
    line = Line()
    await loaded(world, line)
    assert line.calls == [
        "read progress",
        "bounds",
        "read log",
        "read usage_1h",
        "read latency_1h",
        "read errors_1h",
        "read rate_limits_1m",
        "read provider_health_5m",
        "offset_at",
        "read log",
    ]


@pytest.mark.parametrize(
    "call",
    [
        "read progress",
        "bounds",
        "read log",
        "read usage_1h",
        "read latency_1h",
        "read errors_1h",
        "read rate_limits_1m",
        "read provider_health_5m",
        "offset_at",
        "commit",
    ],
)
@in_virtual_time
async def test_someone_else_s_flush_in_the_middle_of_the_loading(call):
    """Whatever a worker that lost its partitions still stores, at any point: the new one comes to the same rows."""
    world, gate = World(2), Gate()
    world.fill(8)
    zombie, heir = world.worker(), world.worker()
    await zombie.join()
    await zombie.feed(3)
    await zombie.flush()
    await zombie.feed(3)
    heir.line.lay_out(call, gate)
    joining = asyncio.create_task(heir.join())
    await gate.reached.wait()
    await zombie.flush()
    gate.open()
    await joining
    assert await heir.work(2)
    world.check()


# ---- the rows


@in_virtual_time
async def test_every_row_at_or_above_the_floor_is_read_back():
    """Also those that are ahead of log time: absent means new."""
    world = World()
    for number, hours in enumerate((-4, -2, -1, 0)):
        world.append(0, AT_MS, an_event(number, at_ms=AT_MS + hours * HOUR_MS))
    world.append(0, AT_MS, an_event(9, at_ms=AT_MS + 9 * MINUTE_MS))
    await stored(world)
    state = (await loaded(world)).state
    usage = next(held for kind, held in state.tables.items() if kind.table.name == "usage_1h")
    floor_ms = AT_MS - 2 * HOUR_MS
    assert state.floor_ms == floor_ms
    hours = {key[1] * 1000 for key in usage}
    assert hours == {AT_MS // HOUR_MS * HOUR_MS - each * HOUR_MS for each in (0, 1)}


# ---- the duplicates window


def windowed(*minutes):
    """One event with an id of its own at each of these minutes of log time."""
    world = World()
    for number, minute in enumerate(minutes):
        world.append(0, AT_MS + minute * MINUTE_MS, an_event(number, at_ms=AT_MS))
    return world


@in_virtual_time
async def test_the_window_is_rebuilt_from_the_log():
    """The ids of the last half hour of log time are known again, the last millisecond included, and no others."""
    world = await stored(windowed(0, 9, 10, 40))
    assert DEDUP_MS == 30 * MINUTE_MS
    state = (await loaded(world)).state
    assert len(state.dedup) == 2
    world.append(0, AT_MS + 40 * MINUTE_MS, *(an_event(number, at_ms=AT_MS) for number in range(4)))
    assert await world.worker().work()
    world.check()


@in_virtual_time
async def test_ids_of_refused_events_are_not_remembered():
    """They claim nothing: the same id may come again, and then counts."""
    world = World()
    world.append(0, AT_MS, b'{"event_id": "550e8400-e29b-41d4-a716-446655440000"}', an_event(1))
    await stored(world)
    assert len((await loaded(world)).state.dedup) == 1


@in_virtual_time
async def test_a_window_that_retention_has_cut_is_told(caplog):
    """Repeats of what is gone would count: someone should know."""
    world = await stored(windowed(0, 10, 20))
    with caplog.at_level(logging.WARNING):
        await loaded(world)
    assert caplog.messages == []
    world.topic.begins[0] = 1
    with caplog.at_level(logging.WARNING):
        state = (await loaded(world)).state
    assert len(state.dedup) == 2
    assert caplog.messages == [
        (
            "llm.events[0]: the log may begin within the duplicates window, and repeats of what it lost would count: "
            "its retention is too short"
        )
    ]


@in_virtual_time
async def test_records_that_were_deleted_before_they_were_read_are_told(caplog):
    """The worker goes on behind the gap, and says which records nobody ever read."""
    world = windowed(0, 1, 2, 3)
    worker = world.worker()
    await worker.join()
    await worker.feed(2)
    await worker.flush()
    world.topic.begins[0] = 3
    with caplog.at_level(logging.WARNING):
        state = (await loaded(world)).state
    assert state.next_offset == 2
    assert caplog.messages == [
        "llm.events[0]: the records 2 to 2 were deleted before they were read: its retention is too short"
    ]


@in_virtual_time
async def test_progress_without_a_record_is_continued_where_it_is():
    """A partition that nothing ever came to has a position, and no log time."""
    world = World()
    world.tables.note([Progress(0, Position(), 123)])
    found = await loaded(world)
    assert found.state.position == Position()
    assert found.through_ms == 123


@in_virtual_time
async def test_an_id_keeps_the_time_at_which_it_was_seen():
    """After a restart an id leaves the window when it would have without one, not a window after the restart."""
    world = World()
    for minutes, number in ((0, 1), (25, 2), (40, 1)):  # the window is 30 minutes
        world.append(0, AT_MS + minutes * MINUTE_MS, an_event(number, at_ms=AT_MS))
    first = world.worker()
    await first.join()
    await first.feed(2)
    assert await first.flush()
    assert await world.worker().work()
    world.check()
