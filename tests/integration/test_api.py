"""The API over a real ClickHouse engine: its answers against the oracle's, its keys, and its process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.integration.folded import DAY_MS, HOUR_MS, HOURS, START_MS, fold_into, made_up_events
from tests.oracle.compare import differences, parse
from tests.oracle.log import Sent, calls
from tests.oracle.lumiqtrace import ENDPOINTS
from tests.store_fixtures import free_port, front, migrated, settings_of, until
from tokentide import clock
from tokentide.api.times import iso_millis
from tokentide.serving.app import create_app
from tokentide.store import open_store
from tokentide.store.access import create_key, revoke_key
from tokentide.store.migrate import migrate

WINDOWS = 25


@pytest.fixture(scope="module")
def stored(chdb_store_root):
    """A store with made-up events, some of them sent twice, and the log that they came from."""
    with migrated(chdb_store_root) as store:
        events = list(made_up_events(3, 800, latencies_ms=(0.001, 2.5)))
        yield store, fold_into(store, events + events[:100])


@pytest.fixture
def store(stored):
    """The store with the made-up events."""
    return stored[0]


@pytest.fixture
async def client(store):
    """A client of an application over that store."""
    app = create_app(settings_of("chdb:///never-opened", "tokentide"), store)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as opened:
        yield opened


def a_key(store, *projects, org="org"):
    new = create_key(store, role="read", org=org, projects=projects, now_ms=clock.now_ms())
    return new.id, {"Authorization": f"Bearer {new.key}"}


def windows(rng):
    """Windows of every alignment: within an hour, over several, over days, and ending on a border."""
    for _ in range(WINDOWS):
        first, second = sorted(rng.randrange(-HOUR_MS, (HOURS + 1) * HOUR_MS) for _ in range(2))
        yield first, second
    yield from [(0, HOUR_MS), (0, HOUR_MS - 1), (HOUR_MS, HOUR_MS), (-DAY_MS, 10 * DAY_MS), (5, 6)]


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_answers_are_those_of_the_oracle(stored, client, path):
    """Rollups and edges together say what a brute-force walk over the log says, whatever the window."""
    store, log = stored
    _, key = a_key(store, "p", "q")
    every = calls(Sent(*entry) for entry in log)
    assert len(every) < len(log)
    for start, end in windows(Random(path)):
        window = {"start": iso_millis(START_MS + start), "end": iso_millis(START_MS + end)}
        answer = await client.get(path.replace("{id}", "p"), params=window | {"projectId": "p"}, headers=key)
        assert answer.status_code == 200, answer.text
        expected = ENDPOINTS[path](every, "p", START_MS + start, START_MS + end, clock.now_ms())
        assert differences(expected, parse(answer.text)) == [], window


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_defaults_and_extremes_are_answered(store, client, path):
    """Without bounds, and with the furthest ones that are allowed, each endpoint answers or says what is too long."""
    _, key = a_key(store, "p")
    where = path.replace("{id}", "p")
    assert (await client.get(where, params={"projectId": "p"}, headers=key)).status_code == 200
    far = {"projectId": "p", "start": "0001-01-01", "end": "2299-12-31T23:59:59.999Z"}
    answer = await client.get(where, params=far, headers=key)
    dense = path in {"/v1/projects/{id}/overview", "/v1/costs"}
    assert answer.status_code == (400 if dense else 200)
    for bounds in ({"start": "2299-12-30", "end": "2299-12-31T23:59:59.999Z"}, {"end": "0001-01-01"}):
        assert (await client.get(where, params=bounds | {"projectId": "p"}, headers=key)).status_code == 200


async def test_keys_come_and_go(store, client):
    """A key works as soon as it is made, sees its own organisation, and no longer once its revocation was seen."""
    path = "/v1/performance?projectId=p"
    key_id, key = a_key(store, "p")
    assert (await client.get(path, headers=key)).status_code == 200
    _, foreign = a_key(store, "theirs", org="another")
    assert (await client.get(path, headers=foreign)).status_code == 403
    revoke_key(store, key_id, clock.now_ms())
    _, another = a_key(store, "p")
    assert (await client.get(path, headers=another)).status_code == 200  # which looks at every key
    assert (await client.get(path, headers=key)).status_code == 401


async def test_a_revoked_key_is_refused_by_every_process(store):
    """Each of two processes that knows a key refuses it within thirty seconds of its revocation."""
    key_id, key = a_key(store, "p")
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            app = create_app(settings_of("chdb:///never-opened", "tokentide"), store)
            await stack.enter_async_context(app.router.lifespan_context(app))
            opened = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")
            clients.append(await stack.enter_async_context(opened))
        path = "/v1/performance?projectId=p"
        assert [(await one.get(path, headers=key)).status_code for one in clients] == [200, 200]
        revoke_key(store, key_id, clock.now_ms())
        async with asyncio.timeout(30):
            while [(await one.get(path, headers=key)).status_code for one in clients] != [401, 401]:
                await asyncio.sleep(0.2)


async def test_the_api_is_ready_over_a_migrated_store(client):
    """Readiness and its reason come from the store's own record of its schema."""
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


SERVE = """
import logging
from tokentide import clock
from tokentide.serving.run import run_api
from tokentide.settings import load
from tokentide.store import open_store
from tokentide.store.access import create_key
from tokentide.store.migrate import migrate

logging.basicConfig(level=logging.INFO)
settings = load(env_file=None)
if settings.clickhouse.get_secret_value().startswith("chdb"):
    migrate(settings)
    store = open_store(settings.clickhouse.get_secret_value(), settings.database)
    print(create_key(store, role="read", org="o", projects=["p"], now_ms=clock.now_ms()).key, flush=True)
run_api(settings)
print("stopped", flush=True)
"""


class Process:
    """An API process: its address, and what it wrote."""

    def __init__(self, folder: Path, clickhouse: str, **settings: str) -> None:
        self.log, self.out = folder / "stderr", folder / "stdout"
        environment = os.environ | {"TOKENTIDE_CLICKHOUSE": clickhouse, "TOKENTIDE_API_PORT": "0"} | settings
        with self.log.open("w") as log, self.out.open("w") as out:
            command = [sys.executable, "-c", SERVE]
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=log)

    def url(self) -> str:
        """Where it says that it answers."""
        until(lambda: "answers at http" in self.log.read_text() or self.process.poll() is not None, 30)
        return self.log.read_text().partition("answers at ")[2].split()[0]

    def stop(self, number: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def serve(tmp_path):
    """Starts API processes; what still runs at the end is killed."""
    started = []

    def start(clickhouse, **settings):
        started.append(Process(tmp_path, clickhouse, **settings))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_answers_until_a_signal(serve, tmp_path, number):
    """It says where it answers, names no server and no version, and stops with 0 when told to."""
    api = serve(f"chdb://{tmp_path / 'data'}")
    with httpx.Client(base_url=api.url()) as client:
        key = {"Authorization": f"Bearer {api.out.read_text().strip()}"}
        assert client.get("/readyz").json() == {"ready": True}
        answer = client.get("/v1/costs?projectId=p", headers=key)
    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert api.stop(number) == 0
    assert api.out.read_text().endswith("stopped\n")
    assert "Traceback" not in api.log.read_text()


def test_a_process_starts_without_its_store(serve):
    """Nothing answers as store: the process lives, says that it is not ready, and asks callers to come back."""
    api = serve(f"http://user:secret@127.0.0.1:{free_port()}")
    with httpx.Client(base_url=api.url()) as client:
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        answer = client.get("/v1/costs?projectId=p", headers={"Authorization": "Bearer als_any"})
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert api.stop(signal.SIGTERM) == 0
    assert "secret" not in api.log.read_text() + ready.text


def test_a_process_follows_its_store(serve, tmp_path):
    """A store that comes late, goes away and comes back is noticed each time, without a restart."""
    port = free_port()
    settings = settings_of(f"http://127.0.0.1:{port}", "tokentide")
    api = serve(f"http://127.0.0.1:{port}")
    with httpx.Client(base_url=api.url(), timeout=30) as client:

        def is_ready():
            return client.get("/readyz").status_code == 200

        assert not is_ready()
        with front(tmp_path / "data", port):
            assert "tokentide migrate" in client.get("/readyz").json()["reason"]
            migrate(settings)
            until(is_ready, 30)
            with closing(open_store(f"http://127.0.0.1:{port}", "tokentide")) as store:
                _, key = a_key(store, "p")
            assert client.get("/v1/costs?projectId=p", headers=key).status_code == 200
        assert not is_ready()
        assert client.get("/v1/costs?projectId=p", headers=key).status_code == 503
        with front(tmp_path / "data", port):
            until(is_ready, 30)
            assert client.get("/v1/costs?projectId=p", headers=key).status_code == 200


def test_a_taken_port_is_told(serve):
    """A port that another process has is a wrong setting, and is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        api = serve(f"http://127.0.0.1:{free_port()}", TOKENTIDE_API_PORT=str(taken.getsockname()[1]))
        assert api.process.wait(30) != 0
    assert "SettingsError: TOKENTIDE_API_HOST and TOKENTIDE_API_PORT: cannot listen on" in api.log.read_text()
