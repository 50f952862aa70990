"""Everything that can go wrong, one function for each: it begins, lasts, and is over when the function returns."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from random import Random

from tests.faults.scene import Scene
from tests.faults.wire import ANSWERS, BOTH, Wire
from tests.integration.deployment import WorkerProcess

__all__ = ["PLAGUES", "WITNESS", "Plague", "is_insert"]

Plague = Callable[[Scene, Random], None]

SESSION_SECONDS = 10
WITNESS = "w"
"""The worker that nothing happens to but what happens to all: its memory tells."""


def is_insert(data: bytes) -> bool:
    """Whether a piece of a request begins an insert."""
    return b"INSERT" in data


def a_worker_is_killed(scene: Scene, rng: Random) -> None:
    """At any moment of its work."""
    victim = _victim(scene, rng)
    scene.passes(rng.randrange(200))
    victim.child.kill()
    scene.named(scene.names[victim])


def a_worker_is_stopped(scene: Scene, rng: Random) -> None:
    """And takes its time to flush."""
    victim = _victim(scene, rng)
    assert victim.stop() == 0
    scene.named(scene.names[victim])


def a_worker_freezes(scene: Scene, rng: Random) -> None:
    """Past its session: others have its partitions when it wakes up."""
    victim = _victim(scene, rng)
    victim.child.send_signal(signal.SIGSTOP)
    lasting(SESSION_SECONDS + rng.uniform(1, 4))
    victim.child.send_signal(signal.SIGCONT)


def a_worker_comes_and_goes(scene: Scene, rng: Random) -> None:
    """Two rebalances, the second perhaps before the first is done."""
    guest = scene.worker()
    lasting(rng.uniform(2, 10))
    assert guest.until_ready().stop() == 0


def a_broker_is_killed(scene: Scene, rng: Random) -> None:
    """Any but the active controller."""
    controller = scene.machine.controller()
    _kill_broker(scene, rng, rng.choice([name for name in scene.machine.broker_names() if name != controller]))


def the_controller_is_killed(scene: Scene, rng: Random) -> None:
    """The active one."""
    _kill_broker(scene, rng, scene.machine.controller())


def the_store_is_killed_in_an_insert(scene: Scene, rng: Random) -> None:
    """When half of it has arrived."""
    scene.machine.store_wire.stuck_at = is_insert
    assert scene.machine.store_wire.caught.wait(60)
    scene.machine.kill_store()
    scene.machine.heal()
    scene.machine.start_store()


def the_store_is_away(scene: Scene, rng: Random) -> None:
    """For up to a minute."""
    scene.machine.kill_store()
    lasting(rng.uniform(10, 60))
    scene.machine.start_store()


def the_store_hangs(scene: Scene, rng: Random) -> None:
    """Connections stay open, nothing passes; then it does, or they break."""
    _hold([scene.machine.store_wire], BOTH, rng)


def the_store_s_answers_are_lost(scene: Scene, rng: Random) -> None:
    """It did what it was asked, and nobody knows."""
    scene.machine.store_wire.held = ANSWERS
    lasting(rng.uniform(0.5, 4))
    scene.machine.store_wire.cut()


def the_store_is_slow(scene: Scene, rng: Random) -> None:
    """Every piece late."""
    scene.machine.store_wire.delay_seconds = rng.uniform(0.1, 0.5)
    lasting(rng.uniform(5, 15))


def the_store_s_connections_break(scene: Scene, rng: Random) -> None:
    """Now and then."""
    _cut([scene.machine.store_wire], rng)


def kafka_hangs(scene: Scene, rng: Random) -> None:
    """All brokers, in one direction or both."""
    _hold(scene.machine.kafka_wires, rng.choice([ANSWERS, BOTH]), rng)


def kafka_is_slow(scene: Scene, rng: Random) -> None:
    """Every piece late."""
    for wire in scene.machine.kafka_wires:
        wire.delay_seconds = rng.uniform(0.05, 0.3)
    lasting(rng.uniform(5, 15))


def kafka_s_connections_break(scene: Scene, rng: Random) -> None:
    """Now and then, of all brokers."""
    _cut(scene.machine.kafka_wires, rng)


def kafka_refuses_connections(scene: Scene, rng: Random) -> None:
    """One broker cannot be reached by the workers, while all else goes on."""
    wire = rng.choice(scene.machine.kafka_wires)
    wire.close()
    lasting(rng.uniform(2, 8))
    wire.open()


PLAGUES: tuple[Plague, ...] = (
    a_worker_is_killed,
    a_worker_is_stopped,
    a_worker_freezes,
    a_worker_comes_and_goes,
    a_broker_is_killed,
    the_controller_is_killed,
    the_store_is_killed_in_an_insert,
    the_store_is_away,
    the_store_hangs,
    the_store_s_answers_are_lost,
    the_store_is_slow,
    the_store_s_connections_break,
    kafka_hangs,
    kafka_is_slow,
    kafka_s_connections_break,
    kafka_refuses_connections,
)


def lasting(seconds: float) -> None:
    """Let a fault last: its length is what is tried, not a wait for something."""
    time.sleep(seconds)


def _victim(scene: Scene, rng: Random) -> WorkerProcess:
    return rng.choice([worker for worker in scene.living() if scene.names.get(worker, WITNESS) != WITNESS])


def _kill_broker(scene: Scene, rng: Random, name: str) -> None:
    scene.machine.children[name].kill()
    lasting(rng.uniform(0, 8))
    scene.machine.start_broker(name)


def _hold(wires: Sequence[Wire], way: str, rng: Random) -> None:
    for wire in wires:
        wire.held = way
    lasting(rng.uniform(2, 15))
    if rng.random() < 0.5:
        for wire in wires:
            wire.cut()


def _cut(wires: Sequence[Wire], rng: Random) -> None:
    for _ in range(rng.randrange(2, 6)):
        lasting(rng.uniform(0.1, 2))
        for wire in wires:
            wire.cut()
