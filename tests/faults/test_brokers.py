"""Three brokers of which any one may die, and a network between workers and Kafka that breaks in every way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.machine import WiredMachine
from tests.faults.scene import Scene
from tests.faults.wire import ANSWERS, BOTH

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(three_brokers: WiredMachine) -> Iterator[Scene]:
    """Three workers under load, on three brokers."""
    with Scene(three_brokers, "brokers") as scene, scene.loaded():
        scene.crew("a", "b", "c")
        yield scene


def test_a_broker_is_killed(scene):
    """Its partitions are led by the others; load and workers go on without it, and with it again."""
    machine = scene.machine
    name = next(name for name in machine.broker_names() if name != machine.controller())
    machine.children[name].kill()
    scene.passes(200)
    machine.start_broker(name)
    scene.passes(50)
    scene.whole()
    scene.settle().require()


def test_the_active_controller_is_killed(scene):
    """Another one takes its place, and nobody who sends or reads is told."""
    machine = scene.machine
    name = machine.controller()
    machine.children[name].kill()
    scene.passes(200)
    assert machine.controller() != name
    machine.start_broker(name)
    scene.passes(50)
    scene.whole()
    scene.settle().require()


@pytest.mark.parametrize("way", [ANSWERS, BOTH])
def test_a_network_that_holds_back(scene, way):
    """Neither acknowledgements that come late nor silence in both directions lose or repeat anything."""
    wires = scene.machine.kafka_wires
    for wire in wires:
        wire.held = way
    scene.passes(400)
    for wire in wires:
        wire.cut()  # what was acknowledged is never heard of
    scene.machine.heal()
    scene.whole()
    scene.settle().require()


def test_a_network_that_is_slow_and_breaks(scene):
    """Connections that are reset now and then, and answers that take long."""
    wires = scene.machine.kafka_wires
    for wire in wires:
        wire.delay_seconds = 0.1
    for number in range(6):
        scene.passes(50)
        wires[number % len(wires)].cut()
    scene.machine.heal()
    scene.whole()
    scene.settle().require()
