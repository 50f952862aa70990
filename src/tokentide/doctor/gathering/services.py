"""What do the services, and what they depend on beside Kafka and ClickHouse, answer over the network?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiohttp
import jwt
from prometheus_client.parser import text_string_to_metric_families

from tokentide.api.limits import shared_counters
from tokentide.doctor.finding import Finding
from tokentide.doctor.judging.services import Service
from tokentide.doctor.kinds import found
from tokentide.dsn import hide_password
from tokentide.settings import Settings

__all__ = ["gather_service", "look_at_rate_limits", "look_at_session_keys"]

_SECONDS = 5
_READY = 200


async def gather_service(name: str, url: str, *, is_expected: bool) -> Service:
    """What a service says about itself.

    Args:
        name: worker or API.
        url: its address, without a path.
        is_expected: whether it was said to run there.
    """
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
            async with session.get(f"{url}/readyz") as answer:
                unready = "" if answer.status == _READY else await _reason(answer)
            async with session.get(f"{url}/metrics") as answer:
                samples = _samples(await answer.text())
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return Service(name, url, is_expected, failure=str(error) or f"no answer within {_SECONDS} seconds")
    versions = [labels.get("version", "") for found, labels, _ in samples if found == "tokentide_build_info"]
    if not versions:
        return Service(name, url, is_expected, failure="what answers there is not tokentide")
    paused = any(value > 0 for found, _, value in samples if found == "tokentide_paused")
    return Service(name, url, is_expected, unready=unready, version=versions[0], is_paused=paused)


async def look_at_session_keys(settings: Settings) -> list[Finding]:
    """Whether the issuer's keys can be read, as the API reads them."""
    url = settings.jwt_jwks_url
    if not url:
        return []
    client = jwt.PyJWKClient(url, timeout=_SECONDS)
    try:
        keys = (await asyncio.to_thread(client.get_jwk_set)).keys
    except jwt.PyJWKClientConnectionError as error:
        return [found("session_keys_unreachable", hide_password(url), str(error))]
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        return [found("session_keys_unfit", hide_password(url), str(error))]
    if not any(key.key_type == "RSA" for key in keys):
        return [found("session_keys_unfit", hide_password(url), f"{len(keys)} keys, none of them RSA")]
    return []


async def look_at_rate_limits(settings: Settings) -> list[Finding]:
    """Whether the counters that API processes share can be reached.

    Raises:
        SettingsError: the setting names nothing that counts.
    """
    uri = settings.rate_limits.get_secret_value()
    if not uri:
        return []
    try:
        async with asyncio.timeout(_SECONDS):
            answers = await shared_counters(uri).check()
    except (OSError, TimeoutError):
        answers = False
    return [] if answers else [found("rate_limits_unreachable", hide_password(uri), "no answer")]


async def _reason(answer: aiohttp.ClientResponse) -> str:
    try:
        told = await answer.json(content_type=None)
    except ValueError:
        told = None
    return str(told["reason"]) if isinstance(told, dict) and "reason" in told else f"it answers {answer.status}"


def _samples(text: str) -> list[tuple[str, dict[str, str], float]]:
    families: Iterable[object] = text_string_to_metric_families(text)
    return [(one.name, one.labels, one.value) for family in families for one in getattr(family, "samples", ())]
