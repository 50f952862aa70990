"""The gateway over a store with keys and a log in memory."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.api.fakes import INGEST_KEY, FakeStore
from tests.unit.gateway.fakes import FakeLog
from tokentide.serving.app import create_app
from tokentide.settings import Settings


@pytest.fixture
def store():
    """A store with keys; the ingest key writes into project p of organisation o."""
    return FakeStore()


@pytest.fixture
def log():
    """Where accepted records go."""
    return FakeLog()


@pytest.fixture
def settings():
    """The defaults."""
    return Settings()


@pytest.fixture
def app(store, log, settings):
    """The application over both."""
    return create_app(settings, store, delivery=log)


@pytest.fixture
async def client(app):
    """A client of the application with the ingest key; what the application raises becomes 500, as in a server."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    key = {"x-api-key": INGEST_KEY}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=key) as opened:
        yield opened
