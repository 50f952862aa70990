"""Are the settings right, and do they go together with each other and with the guarantee?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from tokentide.doctor.finding import Finding
from tokentide.doctor.kinds import found
from tokentide.settings import Settings

__all__ = ["judge_settings", "judge_unknown", "judge_wrong"]

_NAME = re.compile(r"TOKENTIDE_[A-Z0-9_]+")
_HOUR_SECONDS = 3600
_SECRET_BYTES = 32  # of an HS256 secret, as RFC 7518 asks for


def judge_wrong(problems: Iterable[str], sources: Mapping[str, str]) -> list[Finding]:
    """What keeps the settings from being read, each with where the value came from.

    Args:
        problems: as `SettingsError` tells them.
        sources: by the name of each variable that is set: where.
    """
    return [found("setting_wrong", _place(_NAME.findall(problem), sources), problem) for problem in problems]


def judge_unknown(names: Iterable[str], sources: Mapping[str, str]) -> list[Finding]:
    """Variables that no setting has the name of."""
    command = "tokentide settings"
    return [
        found("setting_unknown", _place([name], sources), f"{name} is none of the settings", command) for name in names
    ]


def judge_settings(settings: Settings, sources: Mapping[str, str]) -> list[Finding]:
    """What the settings break or leave without effect."""
    return [
        found(kind, _place(names, sources), what)
        for kind, names, what in (*_windows(settings), *_idle(settings), *_in_clear(settings), *_sessions(settings))
    ]


_Told = tuple[str, list[str], str]
"""A kind, the variables that it is about, and what is the case."""


def _windows(settings: Settings) -> Iterator[_Told]:
    if settings.dedup_window_seconds == 0:
        yield "dedup_off", ["TOKENTIDE_DEDUP_WINDOW_SECONDS"], "the duplicates window is 0 seconds"
    if settings.hot_window_seconds < _HOUR_SECONDS:
        seconds = settings.hot_window_seconds
        yield "hot_window_short", ["TOKENTIDE_HOT_WINDOW_SECONDS"], f"{seconds} seconds, and a bucket is an hour"
    if urlsplit(settings.clickhouse.get_secret_value()).scheme == "chdb":
        yield "store_embedded", ["TOKENTIDE_CLICKHOUSE"], "the store is the embedded engine"


def _idle(settings: Settings) -> Iterator[_Told]:
    protocol = settings.kafka_security_protocol
    if not protocol.startswith("SASL") and settings.kafka_sasl_username:
        yield "setting_without_effect", ["TOKENTIDE_KAFKA_SASL_USERNAME"], f"{protocol} knows no user"
    if not (settings.jwt_secret.get_secret_value() or settings.jwt_jwks_url):
        for name, value in (("ISSUER", settings.jwt_issuer), ("AUDIENCE", settings.jwt_audience)):
            if value:
                what = "no session is taken: neither a secret nor the issuer's keys are set"
                yield "setting_without_effect", [f"TOKENTIDE_JWT_{name}"], what


def _in_clear(settings: Settings) -> Iterator[_Told]:
    servers = [server.strip().rpartition(":")[0] for server in settings.kafka.split(",")]
    plain = settings.kafka_security_protocol == "SASL_PLAINTEXT" and settings.kafka_sasl_mechanism == "PLAIN"
    if plain and not all(map(_stays_here, servers)):
        yield "password_in_clear", ["TOKENTIDE_KAFKA_SECURITY_PROTOCOL"], "SASL_PLAINTEXT with PLAIN, to other machines"
    store = urlsplit(settings.clickhouse.get_secret_value())
    if store.scheme == "http" and store.password and not _stays_here(store.hostname or ""):
        yield "password_in_clear", ["TOKENTIDE_CLICKHOUSE"], f"http:// with a password, to {store.hostname}"


def _sessions(settings: Settings) -> Iterator[_Told]:
    length = len(settings.jwt_secret.get_secret_value().encode())
    if 0 < length < _SECRET_BYTES:
        yield "session_secret_short", ["TOKENTIDE_JWT_SECRET"], f"the secret has {length} bytes"
    url = urlsplit(settings.jwt_jwks_url)
    if settings.jwt_jwks_url and url.scheme != "https" and not _stays_here(url.hostname or ""):
        yield "session_keys_in_clear", ["TOKENTIDE_JWT_JWKS_URL"], f"the keys come over {url.scheme}://"
    if settings.jwt_jwks_url and not (settings.jwt_issuer and settings.jwt_audience):
        names = {"TOKENTIDE_JWT_ISSUER": settings.jwt_issuer, "TOKENTIDE_JWT_AUDIENCE": settings.jwt_audience}
        missing = [name for name, value in names.items() if not value]
        yield "session_issuer_unchecked", missing, f"{' and '.join(missing)} not set, beside the issuer's keys"


def _stays_here(host: str) -> bool:
    """Whether nothing that is said to the host leaves the machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _place(names: Iterable[str], sources: Mapping[str, str]) -> str:
    """The variables, each with where its value came from."""
    return ", ".join(f"{name} ({sources.get(name, 'default')})" for name in dict.fromkeys(names)) or "the settings"
