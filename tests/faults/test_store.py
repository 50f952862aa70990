"""A store that dies, goes away, hangs, is slow or full, and acknowledgements that are lost: all is stored, once."""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machine import WiredMachine
from tests.faults.plagues import is_insert
from tests.faults.scene import Scene, rss_bytes
from tests.faults.wire import ANSWERS, BOTH, REQUESTS
from tests.integration.deployment import until

pytestmark = pytest.mark.slow

MOST_ROWS = 1200
UNREADY_SECONDS, READY_SECONDS = 30, 45
MOST_GROWTH_BYTES = 48 << 20


@pytest.fixture(scope="module")
def scene(one_broker: WiredMachine) -> Iterator[Scene]:
    """Two workers that hold few rows in memory and read none back, so that only the bound pauses them, under load."""
    settings = {"max_dirty_buckets": MOST_ROWS, "hot_window_seconds": 6 * 3600}
    with Scene(one_broker, "store", **settings) as scene, scene.loaded():
        scene.crew("a", "b")
        yield scene


def acknowledges(way: str, data: bytes) -> bool:
    """Whether a piece says that rows were inserted."""
    return way == ANSWERS and re.search(rb'"written_rows": ?"[1-9]', data) is not None


def ready_again(scene: Scene) -> None:
    """Wait until every worker is ready."""
    until(lambda: all(worker.ready() == 200 for worker in scene.living()), "readiness is back", READY_SECONDS)


def unready(scene: Scene) -> None:
    """Wait until no worker is ready."""
    until(lambda: all(worker.ready() == 503 for worker in scene.living()), "readiness is lost", UNREADY_SECONDS)


def test_killed_in_the_middle_of_an_insert(scene):
    """Whether half of an insert was there or all of it but its answer, it is there once in the end."""
    wire = scene.machine.store_wire
    scene.passes(50)
    wire.stuck_at = is_insert
    assert wire.caught.wait(30)
    scene.machine.kill_store()
    wire.heal()
    scene.machine.start_store()
    scene.passes(50)

    arrived = threading.Event()
    wire.watch = lambda way, data: way == REQUESTS and is_insert(data) and arrived.set()
    assert arrived.wait(30)
    scene.machine.kill_store()
    wire.heal()
    scene.machine.start_store()
    scene.whole()
    scene.settle().require()


def test_away_for_a_while(scene):
    """The workers say so, pause at their bound, take no more memory, keep their partitions, and go on by themselves."""
    joined = [worker.metric("rebalances_total") for worker in scene.living()]
    scene.machine.kill_store()
    unready(scene)
    until(lambda: all(worker.metric("paused") == 1 for worker in scene.living()), "consumption pauses", 60)
    before = [rss_bytes(worker) for worker in scene.living()]
    failures = [worker.metric("flush_failures_total") for worker in scene.living()]
    scene.passes(500)
    for worker, rss, failed in zip(scene.living(), before, failures, strict=True):
        assert worker.metric("paused") == 1
        assert MOST_ROWS <= worker.metric("dirty_buckets") < 3 * MOST_ROWS  # the bound, and what one slice may add
        assert rss_bytes(worker) - rss < MOST_GROWTH_BYTES
        assert worker.metric("flush_failures_total") > failed
        assert worker.metric("freshness_seconds") > 4
    scene.machine.start_store()
    ready_again(scene)
    scene.catches_up()
    assert [worker.metric("paused") for worker in scene.living()] == [0, 0]
    assert [worker.metric("rebalances_total") for worker in scene.living()] == joined
    scene.settle().require()


def test_lost_acknowledgements(scene):
    """An insert that was done, and of which the worker never hears, is repeated, and changes nothing."""
    wire = scene.machine.store_wire
    for _ in range(3):
        held = threading.Event()
        wire.held, wire.watch = ANSWERS, lambda way, data, seen=held: acknowledges(way, data) and seen.set()
        assert held.wait(30)
        wire.cut()
        wire.heal()
        scene.passes(30)
    scene.settle().require()


def test_a_store_that_hangs(scene):
    """Connections that stay open while nothing passes cost readiness within 30 s, and it is back within 45."""
    scene.machine.store_wire.held = BOTH
    unready(scene)
    scene.machine.store_wire.heal()
    ready_again(scene)
    scene.settle().require()


def test_a_slow_store_and_connections_that_break(scene):
    """Every answer late, and every connection reset now and then: it takes longer, and that is all."""
    wire = scene.machine.store_wire
    wire.delay_seconds = 0.2
    for _ in range(5):
        scene.passes(40)
        wire.cut()
    wire.heal()
    scene.settle().require()


def test_a_full_disk(scene):
    """The store refuses for as long as its disk is full; the workers repeat, and all is there when there is room.

    The disk fills up between two writes: the engine may leave a part that it cannot read when its disk fills up in one.
    """
    if scene.machine.small_disk is None:
        pytest.skip("a full disk cannot be had here: to mount a small file system takes root")
    filler = scene.machine.small_disk / "filler"
    scene.passes(50)
    scene.machine.store_wire.held = REQUESTS
    scene.command("SYSTEM STOP MERGES")
    busy = (
        "SELECT (SELECT count() FROM system.merges) + (SELECT count() FROM system.processes WHERE query LIKE 'INSERT%')"
    )
    until(lambda: scene.ask(busy) == [(0,)], "the store is idle")
    fill(filler)
    scene.machine.store_wire.heal()
    failed = [worker.metric("flush_failures_total") for worker in scene.living()]
    for worker, before in zip(scene.living(), failed, strict=True):
        until(lambda one=worker, few=before: one.metric("flush_failures_total") > few + 1, "flushes fail", 60)
    filler.unlink()
    scene.command("SYSTEM START MERGES")
    scene.whole()
    scene.catches_up()
    scene.settle().require()


def fill(file: Path) -> None:
    """Take all the room that there is."""
    with file.open("wb", buffering=0) as sink:
        try:
            while True:
                sink.write(bytes(1 << 20))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017  it ends the loop
