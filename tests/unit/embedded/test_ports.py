"""Ports that a folder keeps."""

from __future__ import annotations

import socket

import pytest

from tokentide.embedded.ports import HOST, free_port, remembered_ports
from tokentide.errors import SettingsError


def test_a_free_port_can_be_listened_on():
    """What is called free can be bound."""
    with socket.create_server((HOST, free_port())):
        pass


def test_ports_lie_below_those_for_outgoing_connections():
    """A client can never be given a part's port for its own end."""
    assert all(20_000 <= free_port() < 32_768 for _ in range(20))


def test_a_taken_port_is_not_chosen(monkeypatch):
    """A port that somebody listens on, or that is given away already, is passed over."""
    with socket.create_server((HOST, 0)) as listening:
        taken = listening.getsockname()[1]
        monkeypatch.setattr("tokentide.embedded.ports._TRIES", 2)
        monkeypatch.setattr("tokentide.embedded.ports._CANDIDATES", [taken, 20_001])
        assert free_port() == 20_001


def test_ports_stay_the_same(tmp_path):
    """The second reading gives the first one's ports, and new names get others."""
    file = tmp_path / "ports.json"
    first = remembered_ports(file, ["a", "b"])
    second = remembered_ports(file, ["c", "b", "a"])
    assert {name: second[name] for name in ("a", "b")} == first
    assert len(set(second.values())) == 3


@pytest.mark.parametrize("content", ["", "[]", '{"a": "x"}', '{"a": null}', "7"])
def test_a_damaged_file_is_named(tmp_path, content):
    """A file that is not ours to read leads to an error that names it and says what to do."""
    file = tmp_path / "ports.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match=r"ports.json is damaged .* delete it"):
        remembered_ports(file, ["a"])
