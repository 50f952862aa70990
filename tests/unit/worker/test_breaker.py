"""When does a worker stop because too much is refused? Decided by the log alone."""

from __future__ import annotations

import pytest

from tests.builders import AT_MS, an_event
from tests.fakes import in_virtual_time
from tests.unit.worker.world import BAD, World
from tokentide.errors import TooManyRefused
from tokentide.worker.breaker import RatioLimit

TEN = RatioLimit(0.5, 10)


def a_world(text, partitions=1):
    """Partition 0 record by record: `.` is an event, `x` is refused, `m` two refused and one not, `w` the reverse."""
    world = World(partitions)
    for number, kind in enumerate(text):
        good = [an_event(number * 10 + place) for place in range({".": 1, "x": 0, "m": 1, "w": 2}[kind])]
        world.append(0, AT_MS, *good, *[BAD] * {".": 0, "x": 1, "m": 2, "w": 1}[kind])
    return world


async def stop_of(world, *, count=3, flush=True, limit=TEN):
    """The offset at which a worker stops that reads so many records at a time; None when it reads everything."""
    worker = world.worker(refused=limit)
    await worker.join()
    try:
        while worker.fetched[0] < world.topic.end(0):
            await worker.feed(count)
            if flush:
                await worker.flush()
    except TooManyRefused as error:
        assert worker.pipeline.failed
        assert not await worker.flush()
        return int(str(error).partition(" are refused")[0].rpartition(" to ")[2])
    return None


@pytest.mark.parametrize(
    ("log", "stops_at"),
    [
        ("xxxxxxxxxx", 5),
        ("xxxxx.....xxxxx.....", None),  # half is allowed
        (".....xxxxxxxxxxx....", 15),  # 5 of the first block, and 6 of the second
        ("xxxxx", None),  # not enough to judge
        ("x.x.x.x.x.x", None),
        ("mmmmmm", 5),
        ("wwwwwwwwww", None),  # of each record more is accepted
        ("..........xxxx..xx", 17),
    ],
)
@pytest.mark.parametrize("flush", [True, False])
@in_virtual_time
async def test_a_block_with_too_many_refused_records_stops_the_worker(log, stops_at, flush):
    """More than the share of a block of records, counted at a record of which more is refused than not."""
    assert await stop_of(a_world(log), flush=flush) == stops_at


@pytest.mark.parametrize("count", [1, 2, 4, 7])
@in_virtual_time
async def test_a_restart_stops_at_the_same_record(count):
    """Also when the one before had stored some of the block: what was refused below its position is counted again."""
    world = a_world("..........x.xxxxx.xxxx")
    assert [await stop_of(world, count=size) for size in (count, 3, 1)] == [16, 16, 16]
    assert world.tables.progress[0][1].position.offset > 10


@in_virtual_time
async def test_what_is_before_the_stop_is_stored_and_nothing_after():
    """The stored position stays at or below the record that was one too many, so it is there to be looked at."""
    world = a_world("..xxxxxxxx")
    assert await stop_of(world, count=2) == 7
    assert world.tables.progress[0][1].position.offset == 6
    assert {letter.offset for letter in world.letters} == {2, 3, 4, 5}


@in_virtual_time
async def test_a_setting_gets_past_it():
    """With 1 everything may be refused; with the limit again, what follows is judged in its own block."""
    world = a_world("xxxxxxxxxx")
    assert await stop_of(world) == 5
    assert await stop_of(world, limit=RatioLimit(1, 10)) is None
    world.check()
    for number in range(20):
        world.append(0, AT_MS, an_event(number))
    assert await stop_of(world) is None
    world.check()


@in_virtual_time
async def test_partitions_are_judged_apart():
    """What one brings does not count against another."""
    world = a_world("xxxxx.....", partitions=2)
    for _ in range(5):
        world.append(1, AT_MS, BAD)
    worker = world.worker(refused=TEN)
    assert await worker.work()
    world.append(1, AT_MS, BAD)
    with pytest.raises(TooManyRefused, match=r"^llm\.events\[1\]: 6 of the 6 records from offset 0 to 5 are refused"):
        await worker.feed()


@in_virtual_time
async def test_the_message_says_what_to_do():
    """Where, how much, why most often, and how to go on."""
    world = a_world("x.xxxxx")
    worker = world.worker(refused=TEN)
    await worker.join()
    with pytest.raises(TooManyRefused) as raised:
        await worker.feed()
    told = str(raised.value)
    assert "llm.events[0]: 6 of the 7 records from offset 0 to 6 are refused, more than 0.5 of 10" in told
    assert "Most often: missing_field (6); the last one: project_id: is required" in told
    assert "TOKENTIDE_TOPIC" in told
    assert "TOKENTIDE_DEAD_RATIO_LIMIT=1" in told
