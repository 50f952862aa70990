"""How does a real Apache Kafka run on this machine, without Docker?

    with DataFolder(Path("tokentide-data")) as folder:
        kafka = prepare_kafka(folder)                   # once: jars, formatting; then quick
        with running(kafka.parts):                      # or Supervisor.add(*kafka.parts)
            print(kafka.bootstrap)                      # 127.0.0.1:24512

Each broker is a JVM started directly, both broker and controller (KRaft), bound to 127.0.0.1 only. It keeps what it
acknowledged through kill -9. It does not flush to the disk before it acknowledges, so a power cut can lose the last
moments of a single broker: it is for development.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokentide.embedded.jars import cache_folder, kafka_jars
from tokentide.embedded.java import find_java
from tokentide.embedded.kafka_config import (
    LOG4J2_PROPERTIES,
    Node,
    initial_controllers,
    java_command,
    kafka_uuid,
    render_properties,
    server_properties,
)
from tokentide.embedded.part import Part
from tokentide.embedded.ports import HOST
from tokentide.errors import DependencyUnavailable, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tokentide.embedded.folder import DataFolder
    from tokentide.embedded.processes import Child

__all__ = ["Kafka", "answers_api_versions", "prepare_kafka"]

_logger = logging.getLogger(__name__)

_FORMAT_SECONDS = 60.0
_READY_SECONDS = 120.0  # a broker that was killed first checks its log files
_STOP_SECONDS = 10.0
_PROBE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster that is ready to be started: `parts`, one for each of `nodes`."""

    nodes: tuple[Node, ...]
    parts: tuple[Part, ...]

    @property
    def bootstrap(self) -> str:
        """The addresses to give to clients, HOST:PORT, comma-separated."""
        return ",".join(f"{HOST}:{node.advertised_port}" for node in self.nodes)


def prepare_kafka(
    folder: DataFolder,
    *,
    brokers: int = 1,
    client_ports: Sequence[int] = (),
    advertised_ports: Sequence[int] = (),
    heap: str = "512m",
    extra_properties: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
    report: Callable[[str], None] = _logger.info,
) -> Kafka:
    """Makes everything that brokers need before they start: jars, Java, ports, settings and formatted folders.

    Blocks, for 10 to 30 s when the jars are fetched (once per user), 2 s when the folder is new, else for a moment. To
    be called in the main thread, as it starts processes.

    Args:
        folder: Where the cluster lives, in `kafka/`.
        brokers: 1, or 3 for tests of failing brokers (replication factor 3, two in sync).
        client_ports: The port of each broker; a free one, the same for as long as the folder lives, where absent or 0.
        advertised_ports: What clients are told instead, for a proxy in front; the client port where absent or 0.
        heap: The JVM's memory, in its own notation.
        extra_properties: Broker settings on top of ours (say, a listener with SASL); no secrets reach any log.
        environment: For JAVA_HOME, PATH and XDG_CACHE_HOME.
        report: Told, in words, what takes long.

    Raises:
        DependencyUnavailable: No jars, no Java, or formatting failed.
        SettingsError: The folder holds a cluster of another size.
    """
    class_path = kafka_jars(cache_folder(environment), report=report)
    java = find_java(environment)
    base = folder.path / "kafka"
    base.mkdir(mode=0o700, exist_ok=True)  # extra settings may hold passwords
    cluster_id, directory_ids = _identity(base / "cluster.json", brokers)
    nodes = _nodes(folder, directory_ids, client_ports, advertised_ports)
    for node in nodes:
        _write_settings(base, node, nodes, extra_properties or {})
    tool = java_command(java, class_path, "256m", ["kafka.tools.StorageTool"])
    _format(folder, nodes, [*tool, "format", "-t", cluster_id, "-c", "format.properties"])
    server = java_command(java, class_path, heap, ["kafka.Kafka", "server.properties"])
    return Kafka(nodes, tuple(_part(folder, node, server, alone=brokers == 1) for node in nodes))


def answers_api_versions(port: int) -> bool:
    """Whether a broker serves requests on this port; it accepts connections well before it does."""
    body = struct.pack(">hhih", 18, 0, 1, -1)  # ApiVersions, version 0, correlation id 1, no client id
    try:
        with socket.create_connection((HOST, port), _PROBE_SECONDS) as connection:
            connection.settimeout(_PROBE_SECONDS)
            connection.sendall(struct.pack(">i", len(body)) + body)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


def _identity(file: Path, brokers: int) -> tuple[str, list[str]]:
    """The cluster's id and its folders' ids, made once: nodes formatted at different times must agree."""
    if not file.exists():
        fresh = file.with_suffix(".new")
        ids = [kafka_uuid(secrets.token_bytes(16)) for _ in range(brokers + 1)]
        fresh.write_text(json.dumps({"cluster_id": ids[0], "directory_ids": ids[1:]}), encoding="utf-8")
        fresh.replace(file)
    known = json.loads(file.read_text(encoding="utf-8"))
    directory_ids: list[str] = known["directory_ids"]
    if len(directory_ids) != brokers:
        raise SettingsError(
            [f"{file.parent} holds a cluster of {len(directory_ids)} brokers, not {brokers}: use another data folder"]
        )
    return known["cluster_id"], directory_ids


def _nodes(
    folder: DataFolder, directory_ids: Sequence[str], client_ports: Sequence[int], advertised_ports: Sequence[int]
) -> tuple[Node, ...]:
    nodes = []
    for at, directory_id in enumerate(directory_ids):
        number = at + 1
        names = [f"kafka-{number}-{listener}" for listener in ("client", "internal", "controller")]
        client, internal, controller = folder.ports(names).values()
        client = _given(client_ports, at) or client
        advertised = _given(advertised_ports, at) or client
        nodes.append(Node(number, client, advertised, internal, controller, directory_id))
    return tuple(nodes)


def _given(ports: Sequence[int], at: int) -> int:
    return ports[at] if at < len(ports) else 0


def _write_settings(base: Path, node: Node, nodes: Sequence[Node], extra: Mapping[str, str]) -> None:
    # The paths in them are relative to the broker's working folder: no path of the user's can break their syntax.
    home = _home(base, node)
    home.mkdir(exist_ok=True)
    (home / "log4j2.properties").write_text(LOG4J2_PROPERTIES, encoding="ascii")
    for name, data in (("server.properties", "data"), ("format.properties", "data.new")):
        text = render_properties(server_properties(node, nodes, data, extra))
        (home / name).write_text(text, encoding="ascii")


def _format(folder: DataFolder, nodes: Sequence[Node], command: Sequence[str]) -> None:
    """Formats the nodes' folders that are not; each appears whole or not at all."""
    started = []
    for node in nodes:
        home = _home(folder.path / "kafka", node)
        if not (home / "data").exists():
            shutil.rmtree(home / "data.new", ignore_errors=True)
            _empty(home / "tmp")
            run = [*command, "--initial-controllers", initial_controllers(nodes)]
            started.append((home, folder.spawn(f"kafka-{node.number}-format", run, cwd=home)))
    for home, child in started:
        if child.wait(_FORMAT_SECONDS) != 0:
            raise DependencyUnavailable(f"formatting {home} failed; the end of {child.log}:\n{child.log_tail()}")
        (home / "data.new").rename(home / "data")


def _part(folder: DataFolder, node: Node, command: Sequence[str], *, alone: bool) -> Part:
    name = "kafka" if alone else f"kafka-{node.number}"
    home = _home(folder.path / "kafka", node)

    def start() -> Child:
        _empty(home / "tmp")
        return folder.spawn(name, command, cwd=home)

    return Part(
        name,
        start=start,
        is_ready=lambda: answers_api_versions(node.client_port),
        ready_deadline_seconds=_READY_SECONDS,
        stop_deadline_seconds=_STOP_SECONDS,
    )


def _home(base: Path, node: Node) -> Path:
    return base / f"node{node.number}"


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
