"""How `up` comes, tells, stays and goes; its parts themselves are started in other tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.unit.up.test_status import READY
from tokentide.errors import DependencyUnavailable, SettingsError
from tokentide.settings import Settings
from tokentide.up import run
from tokentide.up.run import UpOptions, Upped, for_people, run_up


class FakeSupervisor:
    """Parts with a state and a pid."""

    def __init__(self, **parts):
        self.parts = parts

    def status(self):
        return [SimpleNamespace(name=name, state=state, pid=pid) for name, (state, pid) in self.parts.items()]


class FakeFolder:
    """Gives each name the next port."""

    def __init__(self):
        self.given = {}

    def ports(self, names):
        for name in names:
            self.given.setdefault(name, 20_000 + len(self.given))
        return {name: self.given[name] for name in names}


def test_the_status_of_now():
    """Ready is only who has every part ready, and each part's pid is the present one."""
    parts = {"kafka": ("ready", 1), "api": ("ready", 3), "worker-1": ("down", None)}
    now = Upped(READY, FakeSupervisor(**parts), workers=1).now()
    assert (now.ready, now.pids) == (False, {"kafka": 1, "api": 3, "workers": [None]})
    now = Upped(READY, FakeSupervisor(**parts | {"worker-1": ("ready", 7)}), workers=1).now()
    assert (now.ready, now.pids["workers"]) == (True, [7])


@pytest.mark.parametrize(
    ("options", "ports"),
    [
        (UpOptions(), {"api": 8420, "worker-1": 8421}),
        (UpOptions(workers=3), {"api": 8420, "worker-1": 8421, "worker-2": 8422, "worker-3": 8423}),
        (UpOptions(workers=2, metrics_port=0), {"api": 8420, "worker-1": 20_001, "worker-2": 20_002}),
        (UpOptions(api_port=0, metrics_port=9000), {"api": 20_000, "worker-1": 9000}),
    ],
)
def test_ports(options, ports):
    """Those that were asked for; 0 is any free one, the same for as long as the folder lives."""
    assert run._ports(options, FakeFolder()) == ports


def test_two_parts_cannot_share_a_port():
    """It is told before anything starts."""
    with pytest.raises(SettingsError, match="share a port"):
        run._ports(UpOptions(workers=2, api_port=8422), FakeFolder())


class FakeUp:
    """What `brought_up` does, without parts: whether it is up, and how it ended."""

    def __init__(self):
        self.is_up = asyncio.Event()
        self.ended = []
        self.error = None
        self.takes_long = False

    @contextlib.asynccontextmanager
    async def brought_up(self, settings, options):
        try:
            self.is_up.set()
            if self.error:
                raise self.error
            if self.takes_long:
                await asyncio.Event().wait()
            yield Upped(READY, FakeSupervisor(api=("ready", 3)), workers=0)
        finally:
            await asyncio.sleep(0)  # parts take a moment to stop
            self.ended.append("in order")


@pytest.fixture
def up(monkeypatch):
    up = FakeUp()
    monkeypatch.setattr(run, "brought_up", up.brought_up)
    return up


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("takes_long", [False, True])
async def test_a_signal_stops_everything_in_order(up, name, takes_long):
    """Whether all is up or still on its way, and however often it is asked; that is no failure."""
    up.takes_long = takes_long
    staying = asyncio.create_task(run_up(Settings(), UpOptions(), as_json=True))
    await up.is_up.wait()
    await asyncio.sleep(0)
    os.kill(os.getpid(), name)
    os.kill(os.getpid(), name)
    assert await asyncio.wait_for(staying, 10) == 0
    assert up.ended == ["in order"]
    assert not asyncio.get_running_loop().remove_signal_handler(name)


async def test_stdout_has_the_one_line_and_nothing_else(up, capsys):
    """A script waits for it and reads it."""
    staying = asyncio.create_task(run_up(Settings(), UpOptions(), as_json=True))
    await up.is_up.wait()
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(staying, 10)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["pids"] == {"api": 3, "workers": []}


async def test_what_does_not_come_up_is_an_error(up):
    """Nothing stays behind, and the command line turns it into its exit code."""
    up.error = DependencyUnavailable("no Java")
    with pytest.raises(DependencyUnavailable):
        await run_up(Settings(), UpOptions(), as_json=True)
    assert up.ended == ["in order"]


def test_for_people():
    """Where everything is, the keys, and a question to begin with."""
    told = for_people(READY)
    for value in (READY.api, READY.kafka, READY.clickhouse, *READY.metrics, READY.data, READY.ingest_key):
        assert value in told
    assert f"  export READ_KEY=als_x INGEST_KEY={READY.ingest_key}" in told
    assert f'curl -H "Authorization: Bearer $READ_KEY" {READY.api}/v1/projects/demo/overview' in told


def test_for_the_commands_of_another_terminal():
    """What is to be exported is what a shell reads as one word each, whatever stands in the address."""
    told = for_people(replace(READY, clickhouse="http://me:a b@h:1?x=1&y=$z"))
    assert "  export TOKENTIDE_KAFKA=127.0.0.1:1 TOKENTIDE_CLICKHOUSE='http://me:a b@h:1?x=1&y=$z'" in told
