"""How is a broker of the embedded cluster configured? Pure: numbers and names in, text and command lines out."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokentide.embedded.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "LOG4J2_PROPERTIES",
    "Node",
    "initial_controllers",
    "java_command",
    "kafka_uuid",
    "render_properties",
    "server_properties",
]

# WARN, because the broker prints its whole configuration, keys of others included, at INFO
LOG4J2_PROPERTIES = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601}{UTC}Z %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""

_REPLICAS_IN_A_CLUSTER_OF_THREE = 3


@dataclass(frozen=True, slots=True)
class Node:
    """One combined broker and controller.

    Attributes:
        number: Its id in the cluster, from 1.
        client_port: Where it listens for clients.
        advertised_port: Where clients are told to find it: the same, or a proxy in front.
        internal_port: Where the other brokers reach it, past any proxy.
        controller_port: Where the controllers agree on metadata.
        directory_id: Kafka's id of its data folder.
    """

    number: int
    client_port: int
    advertised_port: int
    internal_port: int
    controller_port: int
    directory_id: str


def server_properties(node: Node, nodes: Sequence[Node], data: str, extra: Mapping[str, str]) -> dict[str, str]:
    """The broker's settings; `data` is its data folder, seen from its working folder; `extra` wins over all."""
    replicas = min(len(nodes), _REPLICAS_IN_A_CLUSTER_OF_THREE)
    in_sync = max(1, replicas - 1)
    settings = {
        "process.roles": "broker,controller",
        "node.id": node.number,
        "controller.quorum.bootstrap.servers": ",".join(f"{HOST}:{each.controller_port}" for each in nodes),
        "listeners": f"CLIENT://{HOST}:{node.client_port},INTERNAL://{HOST}:{node.internal_port},"
        f"CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"CLIENT://{HOST}:{node.advertised_port},INTERNAL://{HOST}:{node.internal_port}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        # a topic that a client misspelt must fail, and ours need their own settings (log append time)
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "group.initial.rebalance.delay.ms": 0,
        # after kill -9 a broker may come back only when its old session has ended: 9 s by default
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
    }
    return {name: str(value) for name, value in settings.items()} | dict(extra)


def initial_controllers(nodes: Sequence[Node]) -> str:
    """The voters of a new cluster, as `StorageTool format` wants them; the same text for each node."""
    return ",".join(f"{node.number}@{HOST}:{node.controller_port}:{node.directory_id}" for node in nodes)


def render_properties(settings: Mapping[str, str]) -> str:
    """A Java properties file: Latin-1, so everything else is escaped."""
    return "".join(f"{name}={_escape(value)}\n" for name, value in settings.items())


def kafka_uuid(random: bytes) -> str:
    """Sixteen random bytes in Kafka's way of writing an id; never with a leading dash, which looks like an option."""
    text = base64.urlsafe_b64encode(random).decode().rstrip("=")
    return "A" + text[1:] if text.startswith("-") else text


def java_command(java: Path, class_path: Sequence[Path], heap: str, arguments: Sequence[str]) -> list[str]:
    """A Java program of the broker's jars, to be run in a folder with `log4j2.properties` and `tmp`."""
    return [
        str(java),
        f"-Xmx{heap}",
        "-XX:+UseG1GC",
        # the quick compiler alone: half the processor time until ready, and no more than before under load
        "-XX:TieredStopAtLevel=1",
        "-XX:MaxGCPauseMillis=20",
        "-XX:+ExplicitGCInvokesConcurrent",
        "-XX:+ExitOnOutOfMemoryError",  # a broker that cannot go on is better restarted
        "-XX:-UsePerfData",  # no files of ours in /tmp, and neither native libraries:
        "-Djava.io.tmpdir=tmp",
        "-Djava.awt.headless=true",
        "-Dlog4j2.configurationFile=log4j2.properties",
        "-cp",
        ":".join(str(jar) for jar in class_path),
        *arguments,
    ]


def _escape(value: str) -> str:
    text = value.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    escaped = "".join(character if character.isascii() else _utf16(character) for character in text)
    return "\\" + escaped if escaped.startswith(" ") else escaped


def _utf16(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
