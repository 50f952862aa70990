"""Parts that are killed come back by themselves, and the numbers stay exact; so they do when `up` itself is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import msgspec
import pytest

from tests.e2e.judging import differing, text
from tests.e2e.producing import Account, producing
from tests.e2e.upped import Upped, eventually, processes_of
from tests.oracle.log import calls
from tokentide.clock import now_ms
from tokentide.demo.faults import Faults, Line, with_faults
from tokentide.demo.traffic import generate

REPAIRED_SECONDS = 60
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def account():
    """Everything that the tests of this file had acknowledged, on the shared `up`."""
    return Account()


@pytest.mark.parametrize("part", ["worker", "api", "clickhouse", "kafka"])
async def test_a_killed_part_comes_back(up, account, part):
    """Whichever part dies while events come in, it is started again, and not one event is lost or counted twice."""
    killed = up.pids()[part]
    async with _steadily(up, account, "repair"):
        await _sent(account, 300)
        os.kill(killed, signal.SIGKILL)
        await asyncio.to_thread(eventually, lambda: _repaired(up, part, killed), REPAIRED_SECONDS, f"{part} repaired")
        await _sent(account, 300)
    end_ms = now_ms()
    await asyncio.to_thread(up.wait_until_stored, text(end_ms))
    counted = calls(account.log)
    assert len(counted) > 600
    assert await asyncio.to_thread(differing, up, counted, "repair", end_ms - 8 * DAY_MS, end_ms) == []


def test_up_may_be_killed(tmp_path):
    """Without `up` its parts end within ten seconds; the next `up` on the folder has the data, and ends well."""
    account = Account()
    first = Upped(tmp_path, "--data", "data", "--project", "kept")
    asyncio.run(_send_some(first, account, seed=1))
    first.kill()  # perhaps with events in the log that no worker has stored yet
    eventually(lambda: not processes_of(tmp_path), 10, "the parts of the killed up ended")

    second = Upped(tmp_path, "--data", "data", "--project", "kept")
    try:
        assert second.ready["read_key"] == first.ready["read_key"]
        asyncio.run(_send_some(second, account, seed=2))
        end_ms = now_ms()
        second.wait_until_stored(text(end_ms))
        counted = calls(account.log)
        assert len(counted) > 900
        assert differing(second, counted, "kept", end_ms - 8 * DAY_MS, end_ms) == []
    finally:
        assert second.stop() == 0, second.log()
    assert processes_of(tmp_path) == set()


def _repaired(up, part, killed):
    status = up.status()
    return status["ready"] and up.pids()[part] not in {killed, None}


@asynccontextmanager
async def _steadily(up, account, project):
    """Small records of a week's traffic, repeats among them, all the time; at the end all are acknowledged."""
    end_ms = now_ms()
    week = generate(end_ms, 100_000, end_ms, [project])
    lines = with_faults(week, Faults(repeated=0.05, late=0.05, distance=50), end_ms, end_ms)
    stop = asyncio.Event()

    async def send():
        async with producing(up.ready["kafka"], account) as producer:
            while not stop.is_set():
                await producer.send([next(lines) for _ in range(5)])
                await producer.acknowledged()
                await asyncio.sleep(0.02)  # a pace, not a wait: about a thousand events in five seconds

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        stop.set()
        await sending


async def _sent(account, more):
    """Return when so many further events were acknowledged."""
    wanted = len(account.log) + more
    await asyncio.to_thread(eventually, lambda: len(account.log) >= wanted, 60, f"{more} events acknowledged")


async def _send_some(up, account, seed):
    async with producing(up.ready["kafka"], account) as producer:
        for event in generate(seed, 500, now_ms(), ["kept"]):
            await producer.send([Line("kept", msgspec.json.encode(event), event)])
