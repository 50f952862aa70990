"""The worker's HTTP endpoints for operators."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from tokentide.errors import SettingsError
from tokentide.metrics import WorkerMetrics
from tokentide.worker.probes import serve


class Probed:
    """A served worker: why it is not ready, and what a GET answers."""

    def __init__(self):
        self.reason = None
        self.metrics = WorkerMetrics(CollectorRegistry())
        self.port = 0

    async def get(self, path):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text(), answer.headers["Content-Type"]


@pytest.fixture
async def probed():
    probed = Probed()
    runner = await serve("127.0.0.1", 0, probed.metrics.registry, lambda: probed.reason)
    probed.port = runner.addresses[0][1]
    yield probed
    await runner.cleanup()


async def test_ready_or_not(probed):
    """200 when there is no reason against it, else 503 with the reason."""
    assert (await probed.get("/readyz"))[:2] == (200, '{"status": "ready"}')
    probed.reason = "the store does not answer"
    status, text, _ = await probed.get("/readyz")
    assert status == 503
    assert "the store does not answer" in text


async def test_alive_whatever_happens(probed):
    """Liveness says only that the process answers: a restart mends no store."""
    probed.reason = "the store does not answer"
    assert (await probed.get("/healthz"))[:2] == (200, '{"status": "alive"}')


async def test_metrics_are_what_prometheus_reads(probed):
    """The registry of this worker, in the text format, without a second series for each counter."""
    probed.metrics.counter("records").labels("3").inc(5)
    status, text, content_type = await probed.get("/metrics")
    assert status == 200
    assert content_type.startswith("text/plain; version=")
    assert 'tokentide_records_total{partition="3"} 5.0' in text
    assert "_created" not in text


async def test_nothing_else_is_served(probed):
    """An unknown path is 404."""
    assert (await probed.get("/"))[0] == 404


async def test_a_port_that_is_taken_is_a_wrong_setting(probed):
    """The message names the settings that choose it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="TOKENTIDE_METRICS_PORT"):
            await serve("127.0.0.1", taken.getsockname()[1], probed.metrics.registry, lambda: None)
