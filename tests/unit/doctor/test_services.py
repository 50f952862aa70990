"""What is found in what services say of themselves, and how they are asked."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.store_fixtures import free_port
from tokentide.doctor.gathering.services import gather_service, look_at_rate_limits, look_at_session_keys
from tokentide.doctor.judging.services import Service, judge_services
from tokentide.settings import Settings

WELL = Service("worker", "http://w", version="1.0")


def names(**changes):
    service = Service(**({"name": "worker", "url": "http://w", "version": "1.0"} | changes))
    return [finding.kind.name for finding in judge_services([service], "1.0")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"failure": "refused"}, []),
        ({"failure": "refused", "is_expected": True}, ["service_unreachable"]),
        ({"unready": "no partition"}, ["service_not_ready"]),
        ({"is_paused": True}, ["worker_paused"]),
        ({"version": "0.9"}, ["version_differs"]),
    ],
    ids=str,
)
def test_what_a_service_shows(changes, expected):
    """Nobody there is only a finding where somebody should be."""
    assert names(**changes) == expected


@asynccontextmanager
async def serving(**answers):
    """A server of these paths; each answer is a status and a text."""
    app = web.Application()
    for path, (status, text) in answers.items():

        async def answer(_, status=status, text=text):
            return web.Response(status=status, text=text)

        app.router.add_get(f"/{path}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


METRICS = 'tokentide_build_info{version="0.9"} 1.0\ntokentide_paused 1.0\n'


async def test_a_service_is_asked():
    """Its readiness with the reason, its version, and whether it waits."""
    async with serving(readyz=(503, '{"reason": "no store"}'), metrics=(200, METRICS)) as url:
        service = await gather_service("worker", url, is_expected=False)
    assert service == Service("worker", url, unready="no store", version="0.9", is_paused=True)


async def test_a_service_that_is_ready():
    """200 is ready, whatever it says."""
    async with serving(readyz=(200, "yes"), metrics=(200, METRICS)) as url:
        assert (await gather_service("worker", url, is_expected=False)).unready == ""


@pytest.mark.parametrize("text", ["<html>", "", "some_metric 1.0\n"])
async def test_something_else_on_the_port(text):
    """Another server is no worker, and what it answers is no reason."""
    async with serving(readyz=(200, "hello"), metrics=(200, text)) as url:
        service = await gather_service("worker", url, is_expected=True)
    assert service.failure


async def test_nobody_on_the_port():
    """That is told in words."""
    service = await gather_service("worker", f"http://127.0.0.1:{free_port()}", is_expected=False)
    assert "connect" in service.failure.lower()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "1"}]}'), ["session_keys_unfit"]),
        ((200, '{"keys": []}'), ["session_keys_unfit"]),
        ((200, "no json"), ["session_keys_unfit"]),
        ((500, ""), ["session_keys_unreachable"]),
    ],
)
async def test_keys_of_the_issuer_that_are_no_good(answer, expected):
    """Keys that sign nothing that is accepted are as good as none."""
    async with serving(keys=answer) as url:
        found = await look_at_session_keys(Settings(jwt_jwks_url=f"{url}/keys"))
    assert [finding.kind.name for finding in found] == expected


async def test_keys_of_the_issuer(an_rsa_key):
    """An RSA key will do, and so will no issuer at all."""
    async with serving(keys=(200, an_rsa_key)) as url:
        assert await look_at_session_keys(Settings(jwt_jwks_url=f"{url}/keys")) == []
    assert await look_at_session_keys(Settings()) == []


async def test_an_issuer_that_is_away():
    """It cannot be reached, and its password is not told."""
    url = f"http://me:hush@127.0.0.1:{free_port()}/keys"
    [finding] = await look_at_session_keys(Settings(jwt_jwks_url=url))
    assert (finding.kind.name, finding.kind.exit_code) == ("session_keys_unreachable", 3)
    assert "hush" not in finding.where + finding.what


async def test_shared_counters():
    """Counters in memory answer; a Redis that is not there does not; none asked for, none looked at."""
    assert await look_at_rate_limits(Settings()) == []
    assert await look_at_rate_limits(Settings(rate_limits="memory://")) == []
    async with asyncio.timeout(30):
        [finding] = await look_at_rate_limits(Settings(rate_limits=f"redis://:hush@127.0.0.1:{free_port()}"))
    assert (finding.kind.name, finding.kind.exit_code) == ("rate_limits_unreachable", 3)
    assert "hush" not in finding.where + finding.what
