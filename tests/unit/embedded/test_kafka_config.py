"""The text of a broker's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokentide.embedded.kafka_config import (
    Node,
    initial_controllers,
    java_command,
    kafka_uuid,
    render_properties,
    server_properties,
)


def node(number: int, *, advertised: int | None = None) -> Node:
    base = 20_000 + 10 * number
    return Node(number, base, advertised or base, base + 1, base + 2, f"dir{number}")


ALONE = [node(1)]
THREE = [node(1), node(2), node(3)]


def test_everything_listens_on_the_loopback_only():
    """No listener is open to other machines."""
    settings = server_properties(node(1), ALONE, "data", {})
    listeners = settings["listeners"].split(",") + settings["advertised.listeners"].split(",")
    assert all("://127.0.0.1:" in listener for listener in listeners)


@pytest.mark.parametrize(("nodes", "replicas", "in_sync"), [(ALONE, "1", "1"), (THREE, "3", "2")])
def test_replication_follows_the_size(nodes, replicas, in_sync):
    """One broker keeps one copy; three keep three, of which two must be in sync."""
    settings = server_properties(nodes[0], nodes, "data", {})
    assert settings["default.replication.factor"] == settings["offsets.topic.replication.factor"] == replicas
    assert settings["min.insync.replicas"] == settings["transaction.state.log.min.isr"] == in_sync


def test_only_clients_are_sent_through_a_proxy():
    """An advertised port changes what clients are told, not where the broker listens or what brokers use."""
    settings = server_properties(node(1, advertised=9999), ALONE, "data", {})
    assert settings["advertised.listeners"] == "CLIENT://127.0.0.1:9999,INTERNAL://127.0.0.1:20011"
    assert settings["listeners"].startswith("CLIENT://127.0.0.1:20010,")


def test_extra_properties_win():
    """A caller can change and add settings."""
    settings = server_properties(node(1), ALONE, "data", {"auto.create.topics.enable": "true", "new": "1"})
    assert settings["auto.create.topics.enable"] == "true"
    assert settings["new"] == "1"


def test_all_nodes_name_the_same_voters():
    """The text of the first voters is one for all nodes."""
    assert initial_controllers(THREE) == "1@127.0.0.1:20012:dir1,2@127.0.0.1:20022:dir2,3@127.0.0.1:20032:dir3"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "x=plain\n"),
        ("a\\b", "x=a\\\\b\n"),
        ("two\nlines", "x=two\\nlines\n"),
        (" led by a blank", "x=\\ led by a blank\n"),
        ("ü", "x=\\u00fc\n"),
        ("🌊", "x=\\ud83c\\udf0a\n"),
    ],
)
def test_values_are_escaped_for_java(value, line):
    """What Java's properties format would read differently is escaped."""
    assert render_properties({"x": value}) == line


def test_an_id_never_begins_with_a_dash():
    """A dash would be taken for an option of the command line."""
    assert kafka_uuid(b"\xf8" + bytes(15)).startswith("A")
    assert kafka_uuid(bytes(range(16))) == "AAECAwQFBgcICQoLDA0ODw"


def test_the_class_path_is_the_checked_files_and_no_folder():
    """A jar that is not on the list is never loaded."""
    command = java_command(Path("/j/java"), [Path("/c/a.jar"), Path("/c/b.jar")], "512m", ["kafka.Kafka", "x"])
    assert command[0] == "/j/java"
    assert command[command.index("-cp") + 1] == "/c/a.jar:/c/b.jar"
    assert command[-2:] == ["kafka.Kafka", "x"]
    assert "-Xmx512m" in command
