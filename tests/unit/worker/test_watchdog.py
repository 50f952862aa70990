"""When a worker counts as stalled."""

from __future__ import annotations

import pytest

from tokentide.worker.watchdog import Watchdog

PATIENCE = 10.0
IDLE, BEHIND = {0: 5}, {0: 9}  # ends of a log whose position is 5


def at(now, position=5, ends=BEHIND, *, excused=False):
    return now, {0: position}, ends, excused


@pytest.mark.parametrize(
    ("looks", "stalled"),
    [
        ([at(0), at(9.9)], False),
        ([at(0), at(10)], True),
        ([at(0), at(6, 6), at(12, 6)], False),  # it moved
        ([at(0), at(6, 6), at(16, 6)], True),  # and then no more
        ([at(0, ends=IDLE), at(60, ends=IDLE)], False),  # there is nothing to read
        ([at(0, ends=IDLE), at(60, ends=IDLE), at(61), at(69)], False),  # and then there is
        ([at(0, ends=IDLE), at(60, ends=IDLE), at(61), at(70)], True),
        ([at(0, excused=True), at(60, excused=True)], False),  # it waits for the store, and says so
        ([at(0, excused=True), at(60, excused=True), at(69)], False),
        ([at(0, excused=True), at(60, excused=True), at(70)], True),
        ([at(0, ends={}), at(60, ends={})], False),  # nobody knows where the log ends
        ([at(0), at(20, excused=True), at(25)], False),
    ],
)
def test_looks_at_a_partition(looks, stalled):
    """Stalled is who has records waiting, no excuse, and has not moved for so long."""
    watchdog = Watchdog(PATIENCE)
    seen = [
        watchdog.stalled(positions, ends, excused=excused, now=100 + now) for now, positions, ends, excused in looks
    ]
    assert seen[-1] is stalled
    assert not any(seen[:-1])


def test_a_worker_without_partitions_is_not_stalled():
    """It waits for some."""
    watchdog = Watchdog(PATIENCE)
    assert not any(watchdog.stalled({}, {}, excused=False, now=now) for now in range(0, 100, 5))


def test_any_partition_that_moves_is_a_sign_of_life():
    """They are read in turns, and one may take long."""
    watchdog = Watchdog(PATIENCE)
    ends = {0: 100, 1: 100}
    assert not any(watchdog.stalled({0: 5, 1: now}, ends, excused=False, now=now) for now in range(50))
