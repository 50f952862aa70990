"""How a worker ends: never silently, in time, and with an exit code that says why."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from tests.faults.machine import WiredMachine
from tests.faults.scene import Scene
from tests.faults.wire import BOTH
from tests.integration.deployment import until
from tests.store_fixtures import free_port

pytestmark = pytest.mark.slow

STALL_SECONDS, STORE_SECONDS = 6, 3
# A worker that looks more often and loses patience sooner; nothing else about it is different.
IMPATIENT = f"""
import sys
from tokentide.cli import main
from tokentide.worker import run
run._LOOK_SECONDS, run._STALL_SECONDS, run._STORE_PATIENCE_SECONDS = 0.5, {STALL_SECONDS}, {STORE_SECONDS}
sys.argv = ["tokentide", "worker"]
main()
"""
_FETCH = b"\x00\x01"


@pytest.fixture(scope="module")
def scene(one_broker: WiredMachine) -> Iterator[Scene]:
    """A topic under load, without workers."""
    with Scene(one_broker, "endings") as scene, scene.loaded():
        yield scene


def is_fetch(data: bytes) -> bool:
    """Whether a request is a fetch of the group's consumer; other questions to the same broker pass."""
    return data[4:6] == _FETCH and b"faust" in data[:64]


def test_a_worker_that_stalls(scene):
    """Without its store it waits as long as it takes; when nothing arrives though the log goes on, it ends loudly."""
    worker = scene.worker(program=("-c", IMPATIENT)).until_ready()
    scene.passes(50)
    scene.machine.store_wire.held = BOTH
    until(lambda: worker.ready() == 503, "readiness is lost", 30)
    began = time.monotonic()
    scene.passes(150)
    until(lambda: time.monotonic() - began > 1.5 * STALL_SECONDS, "it would have lost patience", 30)
    assert worker.child.exit_code is None, worker.said()
    scene.machine.heal()
    scene.whole()

    scene.machine.kafka_wires[0].stuck_at = is_fetch
    assert worker.child.wait(5 * STALL_SECONDS) == 1
    scene.machine.heal()
    assert f"records wait, and nothing has moved for {STALL_SECONDS} s" in worker.said()
    assert "most recent call first" in worker.said()  # where every thread was
    scene.worker()
    scene.whole()
    scene.settle().require()


def test_an_end_that_was_asked_for(scene):
    """SIGINT is as SIGTERM: everything read is stored, then the exit code is 0."""
    (worker,) = scene.living()
    scene.load.pause()
    ends = scene.audit.log_ends()
    until(lambda: sum(state for state in scene.stored_until().values()) == sum(ends.values()), "all is stored")
    began = time.monotonic()
    worker.child.send_signal(signal.SIGINT)
    assert worker.child.wait(20) == 0
    assert time.monotonic() - began < 15
    assert scene.stored_until() == ends


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kafka": "127.0.0.1:{port}"}, "Kafka at 127.0.0.1:{port} does not answer"),
        ({"clickhouse": "http://127.0.0.1:{port}"}, "the store is not there yet"),
    ],
)
def test_a_dependency_that_is_not_there(scene, settings, said):
    """Exit code 3 and its name, after a wait that is logged, and without a traceback."""
    port = free_port()
    ((name, value),) = settings.items()
    place = value.format(port=port)
    worker = scene.worker(program=("-c", IMPATIENT), **{name: SecretStr(place) if name == "clickhouse" else place})
    assert worker.child.wait(60) == 3
    assert said.format(port=port) in worker.said()
    assert f"127.0.0.1:{port}" in worker.said()
    assert "Traceback" not in worker.said()
