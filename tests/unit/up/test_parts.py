"""The processes that `up` runs of tokentide itself."""

from __future__ import annotations

import http.server
import sys
import threading

import pytest

from tests.store_fixtures import free_port
from tokentide.up.parts import answers, api_part, worker_part


class FakeFolder:
    """A data folder that starts nothing."""

    def __init__(self, path):
        self.path = path
        self.spawned = []

    def spawn(self, name, command, *, env, cwd):
        self.spawned.append((name, command, env, cwd))
        return f"child {name}"


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers /readyz with the status that the server says now."""

    def do_GET(self):
        self.send_response(self.server.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        server.status = 503
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def started(part, folder):
    assert part.start() == f"child {part.name}"
    return folder.spawned[-1]


def test_a_worker_of_its_own_name_and_port(tmp_path, monkeypatch):
    """Named in its group, so that after a kill -9 it takes its partitions over at once."""
    monkeypatch.setenv("PATH", "/bin")
    folder = FakeFolder(tmp_path)
    part = worker_part(folder, 2, {"TOKENTIDE_TOPIC": "t", "TOKENTIDE_METRICS_PORT": "1"}, 4711)
    name, command, environment, cwd = started(part, folder)
    assert (name, cwd) == ("worker-2", tmp_path)
    assert command == [sys.executable, "-m", "tokentide", "worker"]
    assert environment["TOKENTIDE_TOPIC"] == "t"
    assert environment["TOKENTIDE_METRICS_PORT"] == "4711"
    assert environment["TOKENTIDE_METRICS_HOST"] == "127.0.0.1"
    assert environment["TOKENTIDE_GROUP_INSTANCE_ID"] == "up-2"
    assert environment["PATH"] == "/bin"


def test_the_api_on_its_port(tmp_path):
    """On this machine only."""
    folder = FakeFolder(tmp_path)
    name, command, environment, _ = started(api_part(folder, {"TOKENTIDE_API_HOST": "0.0.0.0"}, 4711), folder)
    assert (name, command[-1]) == ("api", "api")
    assert (environment["TOKENTIDE_API_HOST"], environment["TOKENTIDE_API_PORT"]) == ("127.0.0.1", "4711")


def test_a_part_is_ready_when_it_says_so(tmp_path, server):
    """Its own readiness, which is 503 until it has what it needs."""
    part = api_part(FakeFolder(tmp_path), {}, server.server_port)
    assert not part.is_ready()
    server.status = 200
    assert part.is_ready()


def test_what_does_not_answer_is_not_ready(server):
    """Nobody listens there, or something else does."""
    assert not answers(f"http://127.0.0.1:{free_port()}/readyz")
    server.status = 200
    assert not answers(f"http://127.0.0.1:{server.server_port}/other")
