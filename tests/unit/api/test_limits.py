"""A sliding window, drawn as the times at which a session asks."""

from __future__ import annotations

import shutil
import subprocess
import time
from math import ceil

import pytest
from limits.aio.storage import MemoryStorage

from tests.store_fixtures import free_port, until
from tokentide.api.limits import RateLimits, SlidingWindow, shared_counters
from tokentide.errors import SettingsError


def test_a_session_may_ask_so_often_in_any_minute():
    """The request that would be one too many waits until the oldest has left the window, not for a clock's minute."""
    window = SlidingWindow()
    assert [window.wait_seconds("s", 3, now) for now in (50.0, 55.0, 59.0)] == [0, 0, 0]
    assert window.wait_seconds("s", 3, 61.0) == 49.0
    assert window.wait_seconds("s", 3, 109.99) == pytest.approx(0.01)
    assert window.wait_seconds("s", 3, 110.0) == 0
    assert window.wait_seconds("s", 3, 110.0) == 5.0


def test_refused_requests_do_not_count():
    """Who keeps asking while refused is served as soon as who waits."""
    window = SlidingWindow()
    window.wait_seconds("s", 1, 0.0)
    assert all(window.wait_seconds("s", 1, now) > 0 for now in (10.0, 20.0, 59.9))
    assert window.wait_seconds("s", 1, 60.0) == 0


def test_sessions_do_not_share_a_window():
    """One session's requests leave another's alone."""
    window = SlidingWindow()
    assert window.wait_seconds("a", 1, 0.0) == 0
    assert window.wait_seconds("b", 1, 0.0) == 0


def test_idle_sessions_are_forgotten():
    """Memory is bounded by the sessions of a minute, not by those of a process's life."""
    window = SlidingWindow()
    for number in range(10_001):
        window.wait_seconds(f"old {number}", 1, 0.0)
    window.wait_seconds("new", 1, 100.0)
    assert len(window._granted) == 1


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    """A Redis server of this machine."""
    if not (program := shutil.which("redis-server")):
        pytest.fail("redis-server is needed: apt-get install redis-server")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    log = (tmp_path_factory.mktemp("redis") / "log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path_factory.mktemp("data"))
    yield f"redis://127.0.0.1:{port}", process, log.name
    process.kill()
    process.wait(10)
    log.close()


async def asked(limits, most, name="s"):
    return await limits.wait_seconds(name, most, time.monotonic())


async def test_processes_that_share_their_counters_count_together():
    """What one has granted, the other has no more; and the time to wait is that of the oldest request."""
    shared = MemoryStorage()
    one, other = RateLimits(shared), RateLimits(shared)
    assert [await asked(limits, 3) for limits in (one, other, one)] == [0, 0, 0]
    assert ceil(await asked(other, 3)) == 60
    assert await asked(other, 3, "another") == 0


async def test_alone_nothing_is_shared():
    """Without a place to share, each process counts by itself."""
    one, other = RateLimits(), RateLimits()
    assert [await asked(limits, 1) for limits in (one, other)] == [0, 0]
    assert await asked(one, 1) > 59


async def test_shared_counters_in_redis(redis):
    """The same on a real server; when it goes away, each process goes on by itself."""
    uri, process, said = redis
    until(lambda: b"Ready to accept connections" in open(said, "rb").read(), 20)  # noqa: PTH123, SIM115
    one, other = RateLimits(shared_counters(uri)), RateLimits(shared_counters(uri))
    assert [await asked(limits, 3) for limits in (one, other, one)] == [0, 0, 0]
    assert 59 <= ceil(await asked(other, 3)) <= 60
    process.kill()
    process.wait(10)
    assert [await asked(limits, 1) for limits in (one, other)] == [0, 0]
    assert await asked(one, 1) > 59


async def test_a_silent_store_holds_nobody_up(monkeypatch):
    """Nothing listens there: requests are counted here, at once."""
    limits = RateLimits(shared_counters(f"redis://127.0.0.1:{free_port()}"))
    began = time.monotonic()
    assert [await asked(limits, 1) == 0 for _ in range(2)] == [True, False]
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("uri", ["nonsense", "unknown://x", "memcached://127.0.0.1:1", "redis://:secret@x:no"])
def test_what_cannot_share_windows_is_a_wrong_setting(uri):
    """The setting is named, and a password in it is not."""
    with pytest.raises(SettingsError, match="TOKENTIDE_RATE_LIMITS") as caught:
        shared_counters(uri)
    assert "secret" not in str(caught.value)
