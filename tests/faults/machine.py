"""Real brokers and a real ClickHouse engine, each behind a wire that can be spoilt, and each to be killed."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.wire import Wire
from tests.integration.deployment import Machine
from tokentide.embedded.clickhouse import prepare_clickhouse
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import Kafka, prepare_kafka
from tokentide.embedded.part import running
from tokentide.embedded.ports import HOST
from tokentide.embedded.processes import wait_until_ready

__all__ = ["WiredMachine", "wired_machine"]

_DESCRIBE_QUORUM = 55
_ANSWER_SECONDS = 5.0
_DISK_BYTES = 400 << 20


@dataclass
class WiredMachine(Machine):
    """What workers reach through wires, and tests directly.

    Attributes:
        cluster: the brokers.
        kafka_wires: the way to each broker.
        store_wire: the way to ClickHouse.
        small_disk: where ClickHouse has its data, a file system of its own; None where none may be mounted.
    """

    cluster: Kafka
    kafka_wires: Sequence[Wire]
    store_wire: Wire
    small_disk: Path | None

    @property
    def direct(self) -> str:
        """Bootstrap servers past the wires."""
        return ",".join(f"{HOST}:{node.internal_port}" for node in self.cluster.nodes)

    def broker_names(self) -> list[str]:
        """The brokers' names among the children, in the order of their numbers."""
        return [part.name for part in self.cluster.parts]

    def start_broker(self, name: str) -> None:
        """Start one again that was killed, and wait until it answers."""
        part = next(part for part in self.cluster.parts if part.name == name)
        self.children[name] = child = part.start()
        wait_until_ready(child, part.is_ready, part.ready_deadline_seconds)

    def controller(self) -> str:
        """The name of the broker that is the active controller now."""
        for node in self.cluster.nodes:
            try:
                leader = _quorum_leader(node.internal_port)
            except OSError:
                continue  # that one is down
            if leader > 0:
                return self.broker_names()[leader - 1]
        raise AssertionError("no broker knows the active controller")

    def heal(self) -> None:
        """Let everything pass on all wires."""
        for wire in (*self.kafka_wires, self.store_wire):
            wire.heal()


@contextmanager
def wired_machine(path: Path, brokers: int) -> Iterator[WiredMachine]:
    """Start everything in a folder, and stop it at the end."""
    with DataFolder(path) as folder, ExitStack() as stack:
        ports = folder.ports([f"wire-{number}" for number in range(brokers + 1)])
        to_store, *to_brokers = ports.values()
        small_disk = stack.enter_context(_small_disk(folder.path / "clickhouse"))
        cluster = prepare_kafka(folder, brokers=brokers, advertised_ports=to_brokers, heap="384m")
        store = prepare_clickhouse(folder)
        wires = [Wire(to_store, store.port)]
        wires += [Wire(port, node.client_port) for port, node in zip(to_brokers, cluster.nodes, strict=True)]
        for wire in wires:
            stack.enter_context(wire)
        children = stack.enter_context(running([*cluster.parts, store.part]))
        yield WiredMachine(folder, cluster.bootstrap, store, children, cluster, wires[1:], wires[0], small_disk)


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """A small file system at the folder, if this user may mount one."""
    if os.geteuid() != 0:
        yield None
        return
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _quorum_leader(port: int) -> int:
    """Who leads the metadata quorum, as a broker says it: DescribeQuorum, version 0, whose strings are compact."""
    name = b"__cluster_metadata"
    topic = bytes([2, len(name) + 1]) + name + bytes([2]) + struct.pack(">i", 0) + bytes(3)
    body = struct.pack(">hhih", _DESCRIBE_QUORUM, 0, 1, -1) + bytes(1) + topic
    with socket.create_connection((HOST, port), _ANSWER_SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        with connection.makefile("rb") as answers:
            (length,) = struct.unpack(">i", answers.read(4))
            answer = answers.read(length)
    # correlation id, tags, error; one topic: its name; one partition: its number, error, leader
    at = 4 + 1 + 2 + 1 + 1 + len(name) + 1 + 4 + 2
    return int(struct.unpack_from(">i", answer, at)[0])
