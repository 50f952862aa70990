"""An API over a fake store; tests run under the Hypothesis profile that `tests.strategies` loads."""

from __future__ import annotations

import httpx
import pytest

from tests import strategies
from tests.unit.api.fakes import READ_KEY, FakeStore
from tokentide.serving.app import create_app
from tokentide.settings import Settings

__all__ = ["app", "as_reader", "client", "store", "strategies"]

NOTHING = {
    "calls_counted": [(0,)],
    "calls_of_sessions": [(0, 0)],
    "performance_totals": [(0, 0, 0, 0, 0, 0)],
    "performance_latency": [([0.0, 0.0, 0.0],)],
}


@pytest.fixture
def store():
    """A store with keys, and the rows of answers over nothing."""
    return FakeStore(**NOTHING, data_through=[(1_776_679_200_123,)], costs_of_month=[(0,)])


@pytest.fixture
def app(store):
    """The application over that store."""
    return create_app(Settings(), store)


@pytest.fixture
async def client(app):
    """A client of the application; exceptions of the application become 500, as in a server."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as opened:
        yield opened


@pytest.fixture
def as_reader():
    """Headers with a good key."""
    return {"Authorization": f"Bearer {READ_KEY}"}
