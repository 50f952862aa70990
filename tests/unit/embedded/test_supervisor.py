"""Parts that start in order, come back, and stop."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from tests.unit.embedded.waiting import is_alive
from tokentide.embedded.part import Part
from tokentide.embedded.processes import spawn
from tokentide.embedded.restart import RestartPolicy
from tokentide.embedded.supervisor import Supervisor
from tokentide.errors import DependencyUnavailable

QUICK = RestartPolicy(first_distance_seconds=0.01, longest_distance_seconds=0.05)
RUNS = ["sh", "-c", "echo ready; exec sleep 60"]
ENDS = ["sh", "-c", "echo no port; exit 5"]
DEAF = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]


@pytest.fixture
def make(tmp_path):
    """Makes parts out of shell commands, and kills what a test leaves."""
    started = []

    def make(name, *commands, **deadlines):
        """A part whose first life runs the first command, its second the second, and so on; the last one for good."""
        rest = list(commands)
        log = tmp_path / f"{name}.log"

        def start():
            log.unlink(missing_ok=True)
            started.append(spawn(name, rest.pop(0) if len(rest) > 1 else rest[0], log=log))
            return started[-1]

        return Part(name, start, lambda: log.exists() and "ready" in log.read_text(), **deadlines)

    yield make
    for child in started:
        child.kill()


async def eventually(condition, deadline_seconds=10.0):
    async with asyncio.timeout(deadline_seconds):
        while not condition():
            await asyncio.sleep(0.01)


def pids(supervisor):
    return {part.name: part.pid for part in supervisor.status()}


async def test_a_stage_is_ready_when_add_returns(make):
    """Parts added together are all up, with their own process ids."""
    async with Supervisor() as supervisor:
        await supervisor.add(make("one", RUNS), make("two", RUNS))
        assert [(part.name, part.state, part.restarts) for part in supervisor.status()] == [
            ("one", "ready", 0),
            ("two", "ready", 0),
        ]
        assert all(is_alive(pid) for pid in pids(supervisor).values())


async def test_stages_stop_in_reverse(make, tmp_path):
    """What was started last ends first."""
    order = tmp_path / "order"
    notes = "trap 'echo {0} >> {1}; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    async with Supervisor() as supervisor:
        for name in ("store", "worker", "api"):
            await supervisor.add(make(name, ["sh", "-c", notes.format(name, order)]))
    assert order.read_text().split() == ["api", "worker", "store"]
    assert {part.state for part in supervisor.status()} == {"stopped"}


async def test_a_part_that_dies_comes_back(make, caplog):
    """It gets a new process, the restart is counted and logged, and the others are left alone."""
    async with Supervisor(QUICK) as supervisor:
        await supervisor.add(make("one", RUNS), make("two", RUNS))
        before = pids(supervisor)
        os.kill(before["one"], signal.SIGKILL)
        await eventually(lambda: supervisor.status()[0].restarts == 1 and supervisor.status()[0].state == "ready")
        after = pids(supervisor)
    assert after["one"] != before["one"]
    assert after["two"] == before["two"]
    assert "one ended with exit code -9" in caplog.text
    assert "starting one again (restart 1)" in caplog.text


async def test_a_failing_restart_is_tried_again(make):
    """A part that cannot start now is started again until it can."""
    async with Supervisor(QUICK) as supervisor:
        await supervisor.add(make("one", RUNS, ENDS, ENDS, RUNS))
        os.kill(pids(supervisor)["one"], signal.SIGKILL)
        await eventually(lambda: supervisor.status()[0].restarts == 3 and supervisor.status()[0].state == "ready")


async def test_a_restart_that_never_answers_is_tried_again(make):
    """A process that is up but does not answer within its deadline is replaced."""
    silent = ["sleep", "60"]
    async with Supervisor(QUICK) as supervisor:
        await supervisor.add(make("one", RUNS, silent, RUNS, ready_deadline_seconds=0.5))
        os.kill(pids(supervisor)["one"], signal.SIGKILL)
        await eventually(lambda: supervisor.status()[0].restarts == 2 and supervisor.status()[0].state == "ready")


async def test_the_policy_decides_when(make):
    """No start comes earlier than the policy says."""
    async with Supervisor(RestartPolicy(first_distance_seconds=0.5)) as supervisor:
        started_at = time.monotonic()
        await supervisor.add(make("one", RUNS))
        os.kill(pids(supervisor)["one"], signal.SIGKILL)
        await eventually(lambda: supervisor.status()[0].restarts == 1)
        assert time.monotonic() - started_at >= 0.5


async def test_a_part_that_cannot_start_fails_the_stage(make):
    """The error holds the end of the part's log, and all that was started is ended."""
    async with Supervisor() as supervisor:
        await supervisor.add(make("one", RUNS))
        with pytest.raises(DependencyUnavailable, match=r"two ended with exit code 5; .*\nno port"):
            await supervisor.add(make("two", ENDS))
    assert set(pids(supervisor).values()) == {None}


async def test_stop_has_a_deadline_of_its_own(make):
    """Parts that do not listen cannot hold up the end for longer than asked."""
    supervisor = Supervisor()
    await supervisor.add(make("one", DEAF), make("two", DEAF))
    started_at = time.monotonic()
    await supervisor.stop(deadline_seconds=0.3)
    assert time.monotonic() - started_at < 5
    assert set(pids(supervisor).values()) == {None}


async def test_nothing_comes_back_after_stop(make):
    """A part that ends because it was asked to is not restarted."""
    supervisor = Supervisor(QUICK)
    await supervisor.add(make("one", RUNS))
    await supervisor.stop()
    await supervisor.stop()
    assert supervisor.status()[0].restarts == 0
    assert pids(supervisor) == {"one": None}


async def test_changes_are_told(make):
    """A listener sees every new process id, and its own failure does not end the watch."""
    seen = []

    def listen():
        seen.append(pids(supervisor)["one"])
        raise RuntimeError("the disk is full")

    supervisor = Supervisor(QUICK, on_change=listen)
    async with supervisor:
        await supervisor.add(make("one", RUNS))
        os.kill(pids(supervisor)["one"], signal.SIGKILL)
        await eventually(lambda: supervisor.status()[0].restarts == 1 and supervisor.status()[0].state == "ready")
        assert pids(supervisor)["one"] in seen
    assert seen[-1] is None


async def test_a_stop_during_a_restart_ends_the_new_process(make):
    """No process is left when the end comes in the middle of a start."""
    supervisor = Supervisor(QUICK)
    await supervisor.add(make("one", RUNS, ["sleep", "60"]))
    os.kill(pids(supervisor)["one"], signal.SIGKILL)
    await eventually(lambda: supervisor.status()[0].restarts == 1 and supervisor.status()[0].pid is not None)
    pid = pids(supervisor)["one"]
    await supervisor.stop()
    assert not is_alive(pid)
