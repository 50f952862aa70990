"""Stores for tests: the embedded engine in this process, its HTTP front, and a real server where Docker runs.

One process can open one folder of the embedded engine, so that all tests of a run share one, each with a database of
its own. A test that wants a migrated store on it asks for `chdb_store`.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tokentide.errors import StoreUnavailable
from tokentide.settings import Settings
from tokentide.store import Store, open_store
from tokentide.store.migrate import migrate

__all__ = [
    "Cable",
    "a_database",
    "answers",
    "chdb_store",
    "chdb_store_root",
    "docker_problem",
    "free_port",
    "front",
    "migrated",
    "settings_of",
    "until",
]

_numbers = itertools.count(1)


@cache
def _embedded_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="tokentide-chdb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def chdb_store_root() -> Iterator[str]:
    """The DSN of the one embedded engine of this process, kept open so that each test's store opens at once."""
    dsn = f"chdb://{_embedded_folder()}"
    with closing(open_store(dsn, "")):
        yield dsn


@pytest.fixture
def chdb_store(chdb_store_root: str) -> Iterator[Store]:
    """A migrated, empty store on the embedded engine."""
    with migrated(chdb_store_root) as store:
        yield store


def settings_of(dsn: str, database: str, **others: object) -> Settings:
    """Settings that name a store; rows are kept long enough for made-up times."""
    return Settings.model_validate(
        {"clickhouse": dsn, "database": database, "rollup_retention_days": 4000, "events_retention_days": 4000} | others
    )


@contextmanager
def a_database(dsn: str) -> Iterator[str]:
    """The name of a database that no other test uses; dropped at the end if it was made."""
    name = f"test_{next(_numbers)}"
    yield name
    with closing(open_store(dsn, "")) as store:
        store.command(f"DROP DATABASE IF EXISTS {name} SYNC")


@contextmanager
def migrated(dsn: str) -> Iterator[Store]:
    """A store with the whole schema in a database of its own."""
    with a_database(dsn) as database:
        migrate(settings_of(dsn, database))
        with closing(open_store(dsn, database)) as store:
            yield store


@cache
def docker_problem() -> str | None:
    """Why no Docker engine can be used here; None when one answers."""
    try:
        docker.from_env().ping()
    except DockerException as error:
        return str(error)
    return None


@contextmanager
def front(data: Path, port: int, credentials: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """The HTTP front over the embedded engine in a process of its own, answering on `port`.

    With `credentials`, as `user:password`, it asks for them.
    """
    command = [sys.executable, "-m", "tokentide.embedded.clickhouse_front", "--data", str(data), "--port", str(port)]
    environment = os.environ | {"TOKENTIDE_FRONT_CREDENTIALS": credentials}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        dsn = f"http://{credentials}{'@' if credentials else ''}127.0.0.1:{port}"
        try:
            until(lambda: process.poll() is not None or answers(dsn), seconds=30)
            if process.poll() is not None:
                log.seek(0)
                pytest.fail(f"the ClickHouse front ended with {process.returncode}: {log.read().decode()}")
            yield process
        finally:
            process.terminate()
            process.wait(10)


def free_port() -> int:
    """A port of this machine that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(holds: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition; fail when it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"{holds} did not hold within {seconds} s")
        time.sleep(0.02)


def answers(dsn: str) -> bool:
    """Whether a store can be opened there now."""
    try:
        open_store(dsn, "").close()
    except StoreUnavailable:
        return False
    return True


class Cable:
    """A TCP connection to a server that a test can spoil: it lets through so many bytes of answers, then breaks.

    With `tls`, clients speak TLS, and the server does not.

    Attributes:
        port: where clients connect.
        answer_bytes: how much of the answers still comes through; None for everything.
    """

    def __init__(self, server_port: int, tls: ssl.SSLContext | None = None) -> None:
        self._server_port = server_port
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.answer_bytes: int | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuse new connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with suppress(OSError):  # a client that does not trust us
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self._server_port))
            for source, sink, is_answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(source, sink, is_answer), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:  # noqa: FBT001  a thread's
        with suppress(OSError):
            while (data := source.recv(65536)) and self._let_through(data, sink, is_answer=is_answer):
                pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _let_through(self, data: bytes, sink: socket.socket, *, is_answer: bool) -> bool:
        if not is_answer or self.answer_bytes is None:
            sink.sendall(data)
            return True
        part = data[: self.answer_bytes]
        self.answer_bytes -= len(part)
        sink.sendall(part)
        return self.answer_bytes > 0
