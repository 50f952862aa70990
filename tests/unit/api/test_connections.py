"""Clients that never end their headers, over a real connection."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import uvicorn
from fastapi import FastAPI

from tests.store_fixtures import free_port, until
from tokentide.api import connections
from tokentide.api.connections import PatientProtocol


@pytest.fixture
def port(monkeypatch):
    """A server that waits half a second for a head of at most 10,000 bytes."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(connections, "HEAD_BYTES", 10_000)
    app = FastAPI()
    app.get("/")(lambda: {"fine": True})
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, http=PatientProtocol, log_config=None, timeout_keep_alive=2))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, 20)
    yield port
    server.should_exit = True
    thread.join(20)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def read_all(connection):
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: x\r\na: "])
def test_a_head_that_never_ends_is_given_up(port, begun):
    """The connection is closed, whether nothing came or something; sending on slowly changes nothing."""
    with connect(port) as connection:
        connection.sendall(begun)
        began = time.monotonic()
        if begun:
            connection.sendall(b"x")
        assert read_all(connection) == b""
        assert 0.2 < time.monotonic() - began < 8


def test_a_head_that_is_too_large_is_refused(port):
    """431, and the connection ends."""
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"x" * 10_001)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.endswith(b'{"error":"The headers are too large"}')
    assert b"content-length: 37\r\n" in answer


def test_patient_clients_are_served(port):
    """Several requests on one connection, with a pause in the midst of a head and between two."""
    with connect(port) as connection:
        for pause in (0.1, 0.7):
            connection.sendall(b"GET / HTTP/1.1\r\n")
            connection.sendall(b"host: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            time.sleep(pause)  # longer than a head may take: between two requests there is none


def test_a_large_body_is_no_head(port):
    """What follows the headers is not counted among them."""
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 50000\r\n\r\n" + b"x" * 20_000)
        connection.sendall(b"x" * 30_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
