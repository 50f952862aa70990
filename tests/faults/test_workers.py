"""Workers that are killed, stopped, frozen, added and taken away, under load: no event lost, none counted twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from random import Random

import pytest

from tests.faults.machine import WiredMachine
from tests.faults.scene import Scene
from tests.integration.deployment import PARTITIONS, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(one_broker: WiredMachine) -> Iterator[Scene]:
    """Two workers under load, on one broker."""
    with Scene(one_broker, "workers") as scene, scene.loaded():
        scene.crew("a", "b")
        yield scene


@pytest.mark.parametrize("seed", [1])
def test_kill_9_at_random_moments(scene, seed):
    """Wherever in its work a worker is when it is killed, the next one goes on from there."""
    rng = Random(seed)
    for _ in range(5):
        scene.passes(rng.randrange(20, 200))
        victim = rng.choice(scene.living())
        victim.child.kill()
        scene.named(scene.names[victim])
    scene.whole()
    scene.settle().require()


def test_sigterm_under_load(scene):
    """A worker that is asked to stop flushes first, ends with 0 in time, and its partitions go on elsewhere."""
    leaver = scene.living()[0]
    scene.passes(50)
    began = time.monotonic()
    assert leaver.stop() == 0
    assert time.monotonic() - began < 20
    scene.named(scene.names[leaver])
    scene.whole()
    scene.settle().require()


def test_a_zombie(scene):
    """A worker frozen past its session, with rows unstored, wakes up when others have its partitions: no harm."""
    zombie, other = scene.living()
    scene.passes(50)
    zombie.child.send_signal(signal.SIGSTOP)
    until(lambda: other.partitions() == set(range(PARTITIONS)), "the other takes over", 40)
    scene.passes(200)
    joined = other.metric("rebalances_total")
    zombie.child.send_signal(signal.SIGCONT)
    until(lambda: other.metric("rebalances_total") > joined, "the zombie joins again", 40)
    scene.whole()
    scene.settle().require()


def test_workers_come_and_go(scene):
    """Partitions move at every change of the group, under load, each with its state."""
    newcomer = scene.named("c")
    scene.whole()
    leaver = scene.living()[0]
    assert leaver.stop() == 0
    scene.named(scene.names[leaver])
    scene.passes(30)  # while the group is still moving
    assert newcomer.stop() == 0
    scene.whole()
    scene.settle().require()


def test_the_only_broker_is_killed(scene):
    """Without Kafka there is nothing to do; when it is back, the workers go on by themselves."""
    scene.passes(50)
    scene.machine.children["kafka"].kill()
    scene.machine.start_broker("kafka")
    scene.passes(100)
    scene.whole()
    scene.settle().require()
    assert all(worker.child.exit_code is None for worker in scene.living())
