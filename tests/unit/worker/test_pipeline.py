"""The life of assignments, slices and flushes: each rule alone."""

from __future__ import annotations

import asyncio

import pytest

from tests.builders import AT_MS, HOUR_MS, an_event
from tests.fakes import Death, Fault, Gate, in_virtual_time
from tests.unit.worker.world import BAD, MINUTE_MS, World
from tokentide.errors import StoreRejected
from tokentide.rollups import PartitionState
from tokentide.worker.ports import Slice


def hourly(records=6, **world):
    """A partition with one event an hour."""
    made = World(**world)
    for number in range(records):
        at_ms = AT_MS + number * HOUR_MS
        made.append(0, at_ms, an_event(number, at_ms=at_ms))
    return made


async def started(world, *fed, **settings):
    """A worker that was assigned everything and was handed the first records, `fed` at a time."""
    worker = world.worker(**settings)
    await worker.join()
    for count in fed:
        await worker.feed(count)
    return worker


def progress_of(world, partition=0):
    return world.tables.progress[partition][1]


# ---- assignment


@in_virtual_time
async def test_the_start_is_progress_and_not_the_commit():
    """A commit that stayed behind costs reading: what is below progress is dropped unread, and not counted."""
    world = hourly()
    first = await started(world, 4)
    await first.flush()
    world.topic.committed[0] = 1
    second = world.worker()
    world.members[0] = None
    await second.pipeline.assigned([0])  # Kafka refuses its commit, so that the transport goes on at 1
    assert world.topic.committed[0] == 1
    assert second.pipeline.states[0].next_offset == 4
    second.fetched[0] = 1
    await second.feed()
    await second.flush()
    assert second.count("records") == 2
    world.check()


@in_virtual_time
async def test_an_assignment_commits_where_it_goes_on():
    """The transport continues at the commit, so it is brought to progress first."""
    world = hourly()
    first = await started(world, 4)
    await first.flush()
    world.topic.committed.clear()
    await world.worker().join()
    assert world.topic.committed == {0: 4}


@in_virtual_time
async def test_rows_ahead_of_progress_fence_off_the_replay():
    """Rows of a flush that never came to its progress hold those records already: the replay skips them there."""
    world = hourly()
    first = await started(world)
    await first.flush()
    await first.feed(4)
    first.line.lay_out("write progress", Fault.DEATH_BEFORE)
    with pytest.raises(Death):
        await first.flush()
    second = await started(world, 1)
    assert second.pipeline.states[0].next_offset == 1
    assert second.count("skipped") == 1
    await second.feed()
    await second.flush()
    world.check()


@in_virtual_time
async def test_an_assignment_lets_go_of_the_one_before():
    """Buckets of partitions that went elsewhere leave memory, and their metrics go with them."""
    world = World(2)
    world.fill(4)
    worker = await started(world, 4)
    await worker.flush()
    await worker.join(1)
    assert set(worker.pipeline.states) == {1}
    assert worker.count("lag_records", partition="0") == 0
    lags = [metric for metric in worker.metrics.registry.collect() if metric.name == "tokentide_lag_records"]
    assert lags[0].samples == []
    assert worker.count("rebalances") == 2


@in_virtual_time
async def test_an_assignment_waits_for_a_store_that_is_away():
    """Loading is repeated until the store answers; until then the worker is not loaded."""
    world = hourly()
    worker = world.worker()
    worker.line.lay_out("read errors_1h", *[Fault.UNAVAILABLE] * 5)
    joining = asyncio.create_task(worker.join())
    await asyncio.sleep(0.5)
    assert not worker.pipeline.loaded
    await joining
    assert worker.pipeline.loaded
    assert worker.count("state_load_seconds") > 3
    assert worker.count("retries") == worker.count("retries", step="load") == 5


@in_virtual_time
async def test_an_assignment_that_is_over_before_it_is_loaded():
    """Partitions that went elsewhere during the loading are not taken on any more."""
    world = hourly()
    worker, gate = world.worker(), Gate()
    worker.line.lay_out("read usage_1h", gate)
    joining = asyncio.create_task(worker.pipeline.assigned([0]))
    await gate.reached.wait()
    await worker.pipeline.revoked()
    gate.open()
    await joining
    assert not worker.pipeline.loaded
    assert worker.pipeline.states == {}
    assert "commit" not in worker.line.calls


@in_virtual_time
async def test_a_worker_without_partitions_asks_nothing():
    """It is loaded, and a flush has nothing to do."""
    worker = World().worker()
    await worker.pipeline.assigned([])
    assert worker.pipeline.loaded
    assert not await worker.flush()
    assert worker.line.calls == ["commit"]


# ---- slices


@in_virtual_time
async def test_a_slice_of_another_assignment_is_dropped():
    """It may be ahead of the position, and folding it would leave a gap."""
    world = hourly()
    worker = await started(world, 2)
    stale = Slice(worker.generation, 0, world.topic.records[0][4:])
    await worker.join()
    await worker.pipeline.consume(stale, worker.generation)
    assert worker.pipeline.states[0].next_offset == 0
    await worker.work()
    world.check()


@pytest.mark.parametrize("fault", [None, Fault.UNAVAILABLE])
@in_virtual_time
async def test_what_the_transport_leaves_out_is_read_from_the_log(fault):
    """A worker that lost its partition while it loaded goes on at its heir's commit: it must not skip what lies before.

    Else its rows would lack those records, and have the versions of rows that hold them.
    """
    world = hourly(4)
    stalled = world.worker()
    await stalled.join()
    assert await world.worker().work()
    stalled.fetched = {0: world.topic.committed[0]}
    world.append(0, AT_MS, an_event(99, at_ms=AT_MS))
    stalled.line.lay_out("read log", fault)
    await stalled.feed()
    assert stalled.pipeline.states[0].next_offset == 5
    assert stalled.count("records") == 5
    assert await stalled.flush()
    world.check()


@in_virtual_time
async def test_a_slice_of_a_partition_that_is_not_held_is_dropped():
    """It came too late; who holds the partition reads it again."""
    world = World(2)
    world.fill(2)
    worker = world.worker()
    await worker.join(1)
    await worker.pipeline.consume(Slice(worker.generation, 0, world.topic.records[0]), worker.generation)
    assert worker.count("records") == 0


@in_virtual_time
async def test_nothing_is_lost_between_records_and_metrics():
    """Every event in every record is folded, a duplicate or refused, and each is counted once."""
    world = World(2)
    world.fill(8)
    worker = world.worker()
    assert await worker.work()
    lines = sum(record.value.count(b"\n") + 1 for records in world.topic.records.values() for record in records)
    assert worker.count("records") == 16
    assert worker.count("events") == len(world.tables.events) == 64
    assert worker.count("duplicates") == 16
    assert worker.count("dead_letters") == worker.count("dead_letters", reason="missing_field") == 16
    assert worker.count("read_events") == lines
    for partition in ("0", "1"):
        decided = [worker.count(name, partition=partition) for name in ("events", "duplicates", "skipped")]
        refused = worker.count("dead_letters", partition=partition)
        assert worker.count("read_events", partition=partition) == sum(decided) + refused == lines / 2
    assert worker.count("bytes") == sum(len(r.value) for records in world.topic.records.values() for r in records)
    assert worker.count("records", partition="0") == 8
    rows = sum(len(rows) for rows in world.tables.rows.values())
    assert worker.count("flush_rows") >= rows + 64
    assert worker.count("flush_rows", table="events") == 64
    assert worker.count("committed_offset") == 16
    assert worker.count("lag_records") == 0


@in_virtual_time
async def test_a_tombstone_is_a_dead_letter_and_no_gap():
    """A record without a value is decided like any other."""
    world = World()
    world.topic.append(0, AT_MS, None)
    worker = await started(world, 1)
    await worker.flush()
    assert progress_of(world).position.offset == 1
    assert [letter.refusal.raw for letter in world.letters] == [b""]


# ---- errors that nobody expects


def broken_fold(monkeypatch):
    """From now on folding fails in the middle of a record."""

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(PartitionState, "_fold_events", fail)


async def attempt(call):
    """The error that a call ends with."""
    try:
        await call
    except Exception as error:  # noqa: BLE001  that is what is asked for
        return error
    return None


def test_an_error_inside_the_fold_stores_nothing_more(monkeypatch):
    """The state was left in the middle of a record: it is never stored, and nothing more is read."""

    @in_virtual_time
    async def run():
        world = hourly()
        worker = await started(world, 2)
        await worker.flush()
        before = dict(world.tables.rows["usage_1h"])
        with monkeypatch.context() as patch:
            broken_fold(patch)
            assert isinstance(await attempt(worker.feed(1)), ZeroDivisionError)
        assert worker.pipeline.failed
        await worker.feed(1)
        assert not await worker.flush()
        await worker.pipeline.revoked()
        assert world.tables.rows["usage_1h"] == before
        assert progress_of(world).position.offset == 2
        assert await world.worker().work()
        world.check()

    run()


@in_virtual_time
async def test_a_store_that_refuses_ends_the_pipeline():
    """Repeating it changes nothing: no further flush, no commit, and nothing more is folded."""
    world = hourly()
    worker = await started(world, 2)
    worker.line.lay_out("write latency_1h", Fault.REJECTED)
    assert isinstance(await attempt(worker.flush()), StoreRejected)
    assert worker.pipeline.failed
    calls = list(worker.line.calls)
    await worker.feed(1)
    assert not await worker.flush()
    await worker.pipeline.revoked()
    assert worker.pipeline.room.paused is False
    assert [call for call in worker.line.calls[len(calls) :] if call.startswith(("write", "commit"))] == []
    assert world.tables.progress == {}
    assert worker.count("records") == 2


def test_an_error_that_is_no_one_s_ends_the_pipeline(monkeypatch):
    """A bug in a flush may have taken rows out of the state: it is never flushed again."""

    @in_virtual_time
    async def run():
        worker = await started(hourly(), 2)
        monkeypatch.setattr("tokentide.worker.pipeline.carry_out", broken)
        assert isinstance(await attempt(worker.flush()), ZeroDivisionError)
        assert worker.pipeline.failed

    async def broken(*_, **__):
        raise ZeroDivisionError

    run()


@in_virtual_time
async def test_being_cancelled_does_not_heal_what_failed():
    """A consumer that is cancelled while it waits leaves the pipeline as failed as it was."""
    world = late_world(300)
    worker, gate = await started(world, 3), Gate()
    await worker.flush()
    worker.line.lay_out("read places usage_1h", gate)
    consuming = asyncio.create_task(worker.feed(1))
    await gate.reached.wait()
    worker.pipeline.failed = True
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    assert worker.pipeline.failed


# ---- late events


def late_world(*minutes_late):
    """Three hours of log, then a record for each number, with an event so many minutes late and of its own model.

    Those of one time share the row of their provider's health.
    """
    world = hourly(3)
    for number, minutes in enumerate(minutes_late):
        at_ms = AT_MS + 3 * HOUR_MS
        world.append(0, at_ms, an_event(100 + number, at_ms=at_ms - minutes * MINUTE_MS, model=f"m{number}"))
    return world


@in_virtual_time
async def test_a_late_event_reads_its_rows_back():
    """Below the floor memory does not know what the store has, so it asks before it folds."""
    world = late_world(181, 181, 181)
    worker = await started(world, 3)
    await worker.flush()  # raises the floor, and lets the first hour go
    del worker.line.calls[:]
    await worker.feed(2)
    assert worker.line.calls == ["read places usage_1h", "read places latency_1h", "read places provider_health_5m"]
    assert worker.count("late_events") == 2
    await worker.feed(1)
    await worker.flush()
    world.check()


@in_virtual_time
async def test_a_late_event_that_waits_for_the_store_is_a_pause():
    """While the store is away nothing can be folded that needs it: the worker says so, and goes on when it answers."""
    world = late_world(181)
    worker = await started(world, 3)
    await worker.flush()
    worker.line.lay_out("read places usage_1h", *[Fault.UNAVAILABLE] * 4)
    feeding = asyncio.create_task(worker.feed(1))
    await asyncio.sleep(1)
    assert (worker.pipeline.room.paused, worker.count("paused")) == (True, 1)
    await feeding
    assert (worker.pipeline.room.paused, worker.count("paused")) == (False, 0)
    assert worker.count("retries", step="read_back") == 4
    await worker.flush()
    world.check()


@in_virtual_time
async def test_a_row_that_is_let_go_between_its_reading_and_the_fold_is_read_again():
    """A flush that ends while the rows of the next table are read may forget those of the first."""
    world = late_world(181, 181)
    worker, gate = await started(world, 3), Gate()
    await worker.flush()
    worker.line.lay_out("read places latency_1h", gate)
    feeding = asyncio.create_task(worker.feed(2))
    await gate.reached.wait()
    assert await worker.flush()
    gate.open()
    await feeding
    assert worker.line.calls.count("read places usage_1h") == 2
    await worker.flush()
    world.check()


@in_virtual_time
async def test_a_cold_bucket_that_changed_during_a_flush_stays():
    """What the store does not have yet is not let go, or the next late event would start from an older row."""
    world = late_world(181, 181, 181)
    worker, gate = await started(world, 3), Gate()
    await worker.flush()
    await worker.feed(1)
    worker.line.lay_out("write progress", gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    await worker.feed(1)
    gate.open()
    assert await flushing
    await worker.feed(1)
    await worker.flush()
    world.check()


@in_virtual_time
async def test_reading_back_waits_for_the_store():
    """A late event is worth waiting for: nothing behind it is folded meanwhile."""
    world = late_world(181)
    worker = await started(world, 3)
    await worker.flush()
    worker.line.lay_out("read places latency_1h", *[Fault.UNAVAILABLE] * 3)
    await worker.feed()
    await worker.flush()
    world.check()


@in_virtual_time
async def test_a_partition_that_goes_while_its_rows_are_read_back():
    """Its slice is left alone: no state is changed, no letter is written, nothing is counted."""
    world = late_world(181)
    world.append(0, AT_MS + 3 * HOUR_MS, BAD)
    worker, gate = await started(world, 3), Gate()
    await worker.flush()
    worker.line.lay_out("read places usage_1h", gate)
    feeding = asyncio.create_task(worker.feed(2))
    await gate.reached.wait()
    await worker.pipeline.revoked()
    gate.open()
    await feeding
    assert worker.count("records") == 3
    assert worker.count("dead_letters") == 0
    assert await world.worker().work()
    world.check()


# ---- flushes


@in_virtual_time
async def test_progress_is_written_when_only_dead_letters_passed():
    """The position moved, and a replay would send the letters again."""
    world = World()
    world.append(0, AT_MS, BAD)
    worker = await started(world, 1)
    assert await worker.flush()
    assert progress_of(world).position.offset == 1
    assert world.topic.committed == {0: 1}


@in_virtual_time
async def test_letters_are_acknowledged_before_progress_is_written():
    """After progress nobody reads those records again."""
    world = World()
    world.append(0, AT_MS, BAD)
    worker, gate = await started(world, 1), Gate()
    worker.line.lay_out("send", Fault.UNAVAILABLE, gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    assert world.tables.progress == {}
    gate.open()
    assert await flushing
    assert len(world.letters) == 1
    assert worker.count("flush_failures", kind="DependencyUnavailable") == 1


@in_virtual_time
async def test_a_letter_says_where_it_came_from():
    """Partition, offset, time, place in the record and the bytes as they were."""
    world = World(2)
    world.append(1, AT_MS, an_event(1))
    world.append(1, AT_MS + 5, an_event(2), b"{]")
    worker = await started(world, 2)
    await worker.flush()
    (letter,) = world.letters
    refusal = letter.refusal
    assert (letter.partition, letter.offset, letter.record_time_ms) == (1, 1, AT_MS + 5)
    assert (refusal.index, refusal.reason, refusal.raw) == (1, "not_json", b"{]")


@in_virtual_time
async def test_only_what_is_not_acknowledged_is_written_again():
    """A flush that failed in the middle goes on there."""
    worker = await started(hourly(), 2)
    worker.line.lay_out("write latency_1h", Fault.UNAVAILABLE)
    await worker.flush()
    assert worker.line.calls.count("write usage_1h") == 1
    assert worker.line.calls.count("write latency_1h") == 2
    assert worker.count("flush_failures", kind="StoreUnavailable") == 1


@in_virtual_time
async def test_what_is_folded_during_a_flush_belongs_to_the_next():
    """A flush takes the state as of one offset of each partition."""
    world = hourly()
    worker, gate = await started(world, 2), Gate()
    worker.line.lay_out("write usage_1h", gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    await worker.feed(2)
    gate.open()
    await flushing
    assert progress_of(world).position.offset == 2
    assert world.stored() == world.expected({0: 2})
    await worker.flush()
    assert world.stored() == world.expected({0: 4})


@in_virtual_time
async def test_flushes_come_by_themselves():
    """At every interval, and earlier when rows pile up."""
    world = hourly()
    worker = await started(world, flush_interval_seconds=2.0, max_waiting_rows=32)
    flushing = asyncio.create_task(worker.pipeline.flush_forever())
    await asyncio.sleep(1)
    assert worker.line.calls.count("write progress") == 1  # of the assignment
    await worker.feed(1)
    await asyncio.sleep(1)
    assert "write usage_1h" not in worker.line.calls
    await asyncio.sleep(1.1)
    assert worker.line.calls.count("write usage_1h") == 1
    await worker.feed(2)  # eight rows: a quarter of what may wait
    await asyncio.sleep(0.1)
    assert worker.line.calls.count("write usage_1h") == 2
    flushing.cancel()


@in_virtual_time
async def test_consumption_pauses_at_the_bound_and_goes_on_after_a_flush():
    """While the store is away memory does not grow beyond the bound, and the gauge says why nothing moves."""
    world = hourly()
    worker, gate = await started(world, max_waiting_rows=8), Gate()
    await worker.feed(1)
    worker.line.lay_out("write usage_1h", gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    feeding = asyncio.create_task(worker.feed(1))
    await asyncio.sleep(60)
    assert not feeding.done()
    assert worker.count("paused") == 1
    assert worker.pipeline.room.paused
    assert worker.pipeline.waiting_rows == 8
    gate.open()
    await asyncio.gather(flushing, feeding)
    assert worker.count("paused") == 0
    assert worker.pipeline.waiting_rows == 4
    assert await worker.work(1)
    world.check()


@in_virtual_time
async def test_dead_letters_take_room_too():
    """A topic full of garbage must not fill the memory while Kafka does not take the letters."""
    world = World()
    for _ in range(3):
        world.append(0, AT_MS, b"?" * 5000)
    worker = await started(world, 1, max_waiting_rows=10)
    assert worker.pipeline.waiting_rows == 5
    feeding = asyncio.create_task(worker.feed(1))
    await asyncio.sleep(1)
    assert worker.pipeline.room.paused
    worker.line.lay_out("send", Fault.UNAVAILABLE)
    flushing = asyncio.create_task(worker.flush())
    await asyncio.sleep(0.05)
    assert worker.pipeline.waiting_rows == 10
    await asyncio.gather(flushing, feeding)
    assert worker.pipeline.waiting_rows == 0


# ---- revoking


@in_virtual_time
async def test_revoking_stores_what_is_there():
    """The next worker has nothing to read again."""
    world = hourly()
    worker = await started(world, 4)
    await worker.pipeline.revoked()
    assert progress_of(world).position.offset == 4
    assert world.topic.committed == {0: 4}
    assert worker.pipeline.states == {}
    assert not worker.pipeline.loaded


@in_virtual_time
async def test_revoking_waits_for_a_flush_that_is_on_its_way():
    """Then it stores what came since."""
    world = hourly()
    worker, gate = await started(world, 2), Gate()
    worker.line.lay_out("write usage_1h", gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    await worker.feed(2)
    revoking = asyncio.create_task(worker.pipeline.revoked())
    await asyncio.sleep(5)
    gate.open()
    await asyncio.gather(flushing, revoking)
    assert progress_of(world).position.offset == 4


@in_virtual_time
async def test_revoking_does_not_wait_for_a_store_that_is_away():
    """Kafka would think the worker dead; nothing is lost, for the log is read again from progress."""
    world = hourly()
    worker = await started(world, 4)
    worker.line.lay_out("write usage_1h", *[Fault.UNAVAILABLE] * 50)
    began = asyncio.get_running_loop().time()
    await worker.pipeline.revoked(patience_seconds=10)
    assert asyncio.get_running_loop().time() - began == pytest.approx(10)
    assert worker.pipeline.states == {}
    assert worker.pipeline.waiting_rows == 0
    assert await world.worker().work()
    world.check()


@in_virtual_time
async def test_revoking_lets_a_paused_consumer_go():
    """It waits for room, and there is all the room now."""
    world = hourly()
    worker = await started(world, max_waiting_rows=1)
    worker.line.lay_out("write usage_1h", *[Fault.UNAVAILABLE] * 50)
    feeding = asyncio.create_task(worker.feed(1))
    await asyncio.sleep(1)
    await worker.pipeline.revoked()
    await feeding
    assert worker.count("paused") == 0


@in_virtual_time
async def test_a_flush_whose_partitions_go_while_it_asks_for_the_end_of_the_log():
    """There is nothing left to store then, and an insert without rows would be refused."""
    world = hourly()
    worker, gate = await started(world, 2), Gate()
    worker.line.lay_out("ends", gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    await worker.pipeline.assigned([])
    gate.open()
    assert not await flushing
    assert world.tables.progress == {}


@in_virtual_time
async def test_a_flush_gives_up_when_its_partitions_went_elsewhere():
    """It stops repeating what failed; what it wrote is a prefix like any other."""
    world = hourly()
    worker = await started(world, 3)
    worker.line.lay_out("write usage_1h", *[Fault.UNAVAILABLE] * 50)
    flushing = asyncio.create_task(worker.flush())
    await asyncio.sleep(3)
    await worker.join()
    assert not await flushing
    assert worker.line.calls.count("write usage_1h") < 8
    assert await worker.work()


# ---- what is told about it


@in_virtual_time
async def test_freshness_never_falls_and_tells_only_what_is_stored():
    """The moment rises with each flush that is done, to now where the log was read to its end, not one bit earlier."""
    world = hourly(4, now_ms=AT_MS + 10 * HOUR_MS)
    worker = await started(world, 2)
    await worker.flush()
    assert progress_of(world).through_ms == AT_MS + HOUR_MS - 1  # there is more, possibly of that very millisecond
    assert worker.pipeline.freshness.age_seconds(world.now_ms) == pytest.approx(9 * 3600, abs=1)
    await worker.feed(2)
    gate = Gate()
    worker.line.lay_out("write usage_1h", gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    assert worker.pipeline.freshness.age_seconds(world.now_ms) == pytest.approx(9 * 3600, abs=1)
    gate.open()
    await flushing
    assert progress_of(world).through_ms == world.now_ms - 1000
    assert worker.pipeline.freshness.age_seconds(world.now_ms) == 1
    world.now_ms -= HOUR_MS  # a clock that was put back
    await worker.flush()
    assert progress_of(world).through_ms == world.now_ms + HOUR_MS - 1000


@in_virtual_time
async def test_freshness_survives_a_change_of_workers():
    """A new worker goes on from what the store says, also before it has read anything."""
    world = hourly(2, now_ms=AT_MS + 10 * HOUR_MS)
    worker = await started(world, 2)
    await worker.flush()
    through_ms = progress_of(world).through_ms
    world.append(0, AT_MS + 9 * HOUR_MS, an_event(9, at_ms=AT_MS + 9 * HOUR_MS))
    world.now_ms += HOUR_MS
    heir = await started(world)
    assert heir.pipeline.freshness.age_seconds(world.now_ms) == pytest.approx((world.now_ms - through_ms) / 1000)
    await heir.flush()
    assert progress_of(world).through_ms == through_ms


@in_virtual_time
async def test_without_the_end_of_the_log_nothing_is_claimed():
    """Kafka that does not answer neither stops a flush nor makes the store look fresh, or the worker look idle."""
    world = hourly(2, now_ms=AT_MS + 10 * HOUR_MS)
    worker = await started(world, 1)
    await worker.flush()
    assert worker.count("lag_records") == 1
    await worker.feed(1)
    worker.line.lay_out("ends", Fault.UNAVAILABLE)
    assert await worker.flush()
    assert progress_of(world).position.offset == 2
    assert progress_of(world).through_ms == AT_MS + HOUR_MS - 1
    assert worker.count("lag_records") == 1  # as of when it was last known
    assert worker.pipeline.ends == {}


@in_virtual_time
async def test_the_lag_is_shown_while_a_flush_hangs():
    """It grows with the log when the store does not answer, and shows nothing of partitions that went meanwhile."""
    world = hourly(3)
    worker, gate = await started(world, 1), Gate()
    await worker.flush()
    assert worker.count("lag_records") == 2
    await worker.feed(1)
    worker.line.lay_out("write progress", gate)
    flushing = asyncio.create_task(worker.flush())
    await gate.reached.wait()
    world.append(0, AT_MS + 9 * HOUR_MS, an_event(9, at_ms=AT_MS + 9 * HOUR_MS))
    await worker.pipeline.show_lag()
    assert worker.count("lag_records") == 3  # one of which is folded, and waits for the store
    worker.line.lay_out("ends", Fault.UNAVAILABLE)
    await worker.pipeline.show_lag()
    assert worker.count("lag_records") == 3
    gate.open()
    assert await flushing
    await worker.pipeline.revoked()
    await worker.pipeline.show_lag()
    lags = [metric for metric in worker.metrics.registry.collect() if metric.name == "tokentide_lag_records"]
    assert lags[0].samples == []
