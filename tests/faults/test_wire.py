"""The wire does to a connection what a test asks for, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults.wire import ANSWERS, BOTH, REQUESTS, Wire
from tests.store_fixtures import free_port


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def echo(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                while data := connection.recv(1024):
                    connection.sendall(data)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=echo, args=[server.accept()[0]], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]


@pytest.fixture
def wire(echo_port: int) -> Iterator[Wire]:
    """A wire to it."""
    with Wire(free_port(), echo_port) as wire:
        yield wire


@pytest.fixture
def client(wire: Wire) -> Iterator[socket.socket]:
    """A connection through it that was used before."""
    with socket.create_connection(("127.0.0.1", wire.port), 10) as client:
        assert said(client, b"first") == b"first"
        client.settimeout(0.3)
        yield client


def said(client: socket.socket, text: bytes) -> bytes:
    """What comes back, up to the length of the text."""
    client.sendall(text)
    client.settimeout(10)
    return client.recv(len(text), socket.MSG_WAITALL)


@pytest.mark.parametrize("way", [REQUESTS, ANSWERS, BOTH])
def test_what_is_held_comes_when_the_wire_is_healed(wire, client, way):
    """As TCP would send it again."""
    wire.held = way
    client.sendall(b"later")
    with pytest.raises(TimeoutError):
        client.recv(5)
    wire.heal()
    client.settimeout(10)
    assert client.recv(5, socket.MSG_WAITALL) == b"later"


def test_what_is_held_is_lost_with_its_connection(wire, client):
    """The client is told of the reset; a new connection works."""
    wire.held = ANSWERS
    client.sendall(b"lost")
    wire.cut()
    wire.heal()
    client.settimeout(10)
    with pytest.raises(ConnectionResetError):
        client.recv(4)
    with socket.create_connection(("127.0.0.1", wire.port), 10) as other:
        assert said(other, b"new") == b"new"


def test_a_closed_wire_refuses(wire, client):
    """And takes connections again when it is opened."""
    wire.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", wire.port), 10)
    wire.open()
    with socket.create_connection(("127.0.0.1", wire.port), 10) as other:
        assert said(other, b"new") == b"new"


def test_a_slow_wire(wire, client):
    """Each piece takes its time, once in each direction."""
    wire.delay_seconds = 0.2
    began = time.monotonic()
    assert said(client, b"slow") == b"slow"
    assert time.monotonic() - began >= 0.4


def test_a_request_that_gets_stuck(wire, client):
    """Half of it arrives, and the connection stays silent; others go on."""
    wire.stuck_at = lambda data: data.startswith(b"stuck")
    client.sendall(b"stuck here")
    assert wire.caught.wait(10)
    client.settimeout(10)
    assert client.recv(100) == b"stuck"
    with socket.create_connection(("127.0.0.1", wire.port), 10) as other:
        assert said(other, b"other") == b"other"


def test_a_watched_wire(wire, client):
    """Every piece is shown, with its direction."""
    seen: list[tuple[str, bytes]] = []
    wire.watch = lambda way, data: seen.append((way, data))
    said(client, b"watched")
    assert seen == [(REQUESTS, b"watched"), (ANSWERS, b"watched")]
