"""The places where the store's contract is held: each test of it runs once for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from testcontainers.core.container import DockerContainer

from tests.store_fixtures import answers, docker_problem, free_port, front, migrated, until
from tokentide.store import Store

_IMAGE = "clickhouse/clickhouse-server:25.8"


@pytest.fixture(scope="session")
def front_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the HTTP front over the embedded engine, in a process of its own."""
    port = free_port()
    with front(tmp_path_factory.mktemp("front"), port):
        yield port


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A real server is one of the places where Docker runs; where it does not, one test says so (test_real_server)."""
    if "place" in metafunc.fixturenames:
        server = [pytest.param("server", marks=pytest.mark.docker)] if docker_problem() is None else []
        metafunc.parametrize("place", ["embedded", "front", *server], indirect=True, scope="session")


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """The DSN of a store: the embedded engine, its HTTP front, or a real ClickHouse server."""
    if request.param == "embedded":
        yield request.getfixturevalue("chdb_store_root")
    elif request.param == "front":
        yield f"http://127.0.0.1:{request.getfixturevalue('front_port')}"
    else:
        with _server() as dsn:
            yield dsn


@pytest.fixture
def store(place: str) -> Iterator[Store]:
    """A migrated, empty store at the place."""
    with migrated(place) as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_store(place: str) -> Iterator[Store]:
    """A migrated store at the place, for tests that only ask, or do not mind what others insert."""
    with migrated(place) as opened:
        yield opened


@contextmanager
def _server() -> Iterator[str]:
    container = DockerContainer(_IMAGE).with_exposed_ports(8123)
    container.with_env("CLICKHOUSE_USER", "tide").with_env("CLICKHOUSE_PASSWORD", "a secret")
    container.with_env("CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT", "1")
    with container as running:
        dsn = f"http://tide:a%20secret@{running.get_container_host_ip()}:{running.get_exposed_port(8123)}"
        until(lambda: answers(dsn), seconds=60)
        yield dsn
