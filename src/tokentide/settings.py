"""The settings of every process: environment variables `TOKENTIDE_…`, or the same names in `.env`.

`load` reads them once, at the start of a command, and reports all problems together. Nothing reads the
environment later, and nothing reads it at import.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from tokentide.dsn import HIDDEN, hide_password, with_authorities
from tokentide.errors import SettingsError
from tokentide.shards import parse_shards
from tokentide.variables import PREFIX, gather

__all__ = ["Described", "Settings", "describe", "environment_of", "load", "unknown_names"]

_OTHERS = frozenset({"url", "api_key"})  # of the command line client `tokentide llm`, not of the services


class Settings(BaseModel):
    """Everything that can be set. Durations are in seconds, sizes in bytes, prices in dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kafka: str = Field("127.0.0.1:9092", min_length=1, description="Kafka bootstrap servers, HOST:PORT[,HOST:PORT…]")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to talk to Kafka"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="SASL mechanism, for the SASL protocols"
    )
    kafka_sasl_username: str = Field("", description="SASL user")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="SASL password")
    kafka_tls_ca: str = Field(
        "", description="file with the certificate authorities of Kafka, for the SSL protocols; empty = the usual ones"
    )
    topic: str = Field("llm.events", pattern=r"^[A-Za-z0-9._-]{1,249}$", description="topic of the events")
    dead_topic: str = Field(
        "llm.events.dead", pattern=r"^[A-Za-z0-9._-]{1,249}$", description="topic of the dead letters"
    )
    topic_epoch: int = Field(0, ge=0, lt=1 << 15, description="raise by one after the topic was deleted and made again")
    group: str = Field("tokentide", min_length=1, description="consumer group of the workers")
    group_instance_id: str = Field(
        "", description="name of this worker in its group; a restarted worker then takes its partitions over at once"
    )
    clickhouse: SecretStr = Field(
        SecretStr("http://127.0.0.1:8123"),
        description="ClickHouse: http(s)://[USER:PASSWORD@]HOST:PORT, or chdb:///FOLDER for the embedded engine",
    )
    clickhouse_tls_ca: str = Field(
        "", description="file with the certificate authorities of ClickHouse, for https; empty = the usual ones"
    )
    database: str = Field("tokentide", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", description="ClickHouse database")
    cluster: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_-]*$",
        description="ClickHouse cluster; set it for replicated tables (ON CLUSTER)",
    )
    flush_interval_seconds: float = Field(2, gt=0, le=60, description="longest time between two flushes")
    hot_window_seconds: int = Field(7200, ge=60, description="how long a bucket stays in memory, in log time")
    dedup_window_seconds: int = Field(600, ge=0, description="how long an event_id is remembered, in log time")
    dedup_max_ids: int = Field(2_000_000, ge=1, description="most event_ids remembered for one partition")
    max_names_per_hour: int = Field(
        2000,
        ge=1,
        description="an hour of a project counts so many combinations of names one by one in each partition, and so "
        "many groups of errors; further ones together, as `__other__`",
    )
    max_dirty_buckets: int = Field(200_000, ge=1, description="consumption pauses when so many rows wait to be stored")
    max_record_bytes: int = Field(1_048_576, ge=1, description="a larger record is a dead letter")
    dead_ratio_limit: float = Field(
        0.5, gt=0, le=1, description="the worker stops when more than this share of a block is refused; 1 = off"
    )
    dead_ratio_records: int = Field(
        1000, ge=10, le=100_000, description="records of a partition that DEAD_RATIO_LIMIT judges together: one block"
    )
    events_table: bool = Field(True, description="keep each event in the table `events`")
    events_retention_days: int = Field(100, ge=1, description="time to live of the events table")
    rollup_retention_days: int = Field(
        400, ge=1, description="time to live of the rollups; an event older than that is a dead letter"
    )
    metrics_host: str = Field("127.0.0.1", description="address of the worker's metrics and probes")
    metrics_port: int = Field(8421, ge=0, le=65535, description="port of the worker's metrics and probes; 0 = any")
    api_host: str = Field("127.0.0.1", description="address of the API")
    api_port: int = Field(8420, ge=0, le=65535, description="port of the API; 0 = any")
    query_timeout_seconds: int = Field(30, ge=1, le=600, description="longest time of one question to ClickHouse")
    query_memory_bytes: int = Field(
        2_000_000_000, ge=100_000_000, description="most memory that ClickHouse may use for one question"
    )
    jwt_secret: SecretStr = Field(SecretStr(""), description="HS256 secret of session tokens")
    jwt_jwks_url: str = Field("", description="JWKS of the issuer of RS256 session tokens")
    jwt_issuer: str = Field("", description="required `iss` of session tokens")
    jwt_audience: str = Field("", description="required `aud` of session tokens")
    monthly_quota_events: int = Field(0, ge=0, description="events an organisation may send in a month; 0 = no limit")
    cors_origins: str = Field(
        "", description="web origins that may read the API from a browser, https://HOST[,https://HOST…]; empty = none"
    )
    rate_limits: SecretStr = Field(
        SecretStr(""),
        description="where API processes count requests together, as redis://HOST:PORT; empty = each by itself",
    )
    project_shards: str = Field("", description="PROJECT=N[,PROJECT=N…]: spread a large project over N partitions")
    gpt4o_input_price: Decimal = Field(Decimal("2.50"), ge=0, description="Perf's comparison price, input tokens")
    gpt4o_output_price: Decimal = Field(Decimal("10.00"), ge=0, description="Perf's comparison price, output tokens")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least level that is logged")
    log_format: Literal["text", "json"] = Field("text", description="form of the log lines on stderr")

    @property
    def clickhouse_dsn(self) -> str:
        """The DSN in full, with password and certificate authorities: to open the store, and for nothing else.

        Raises:
            SettingsError: the file of the authorities cannot be read.
        """
        dsn, authorities = self.clickhouse.get_secret_value(), self.clickhouse_tls_ca
        if not authorities:
            return dsn
        try:
            ssl.create_default_context(cafile=authorities)
        except OSError as error:
            raise SettingsError([f"{PREFIX}CLICKHOUSE_TLS_CA: {authorities}: {error}"]) from error
        return with_authorities(dsn, authorities)


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as `tokentide settings` shows it; secrets are already hidden in `value`."""

    name: str
    value: str
    source: Literal["default", "environment", ".env"]
    meaning: str


def load(environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings.

    Args:
        environment: the environment; the process's own when not given.
        env_file: a file with more of them, which the environment overrides; need not exist.

    Raises:
        SettingsError: with every problem, each naming its variable.
    """
    given, _ = gather(environment, env_file)
    problems: list[str] = []
    try:
        settings = Settings.model_validate({k: v for k, v in given.items() if k in Settings.model_fields})
    except ValidationError as error:
        problems += [
            f"{PREFIX}{'.'.join(map(str, problem['loc'])).upper()}: {problem['msg']}" for problem in error.errors()
        ]
        raise SettingsError(problems) from None
    problems += _contradictions(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def describe(
    settings: Settings, environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")
) -> list[Described]:
    """Every setting with its value, where that came from, and what it means."""
    _, sources = gather(environment, env_file)
    return [
        Described(
            PREFIX + name.upper(),
            _shown(getattr(settings, name)),
            sources.get(name, "default"),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def unknown_names(environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> list[str]:
    """Variables that look like settings but are none: worth a warning, for a typing error is ignored otherwise."""
    given, _ = gather(environment, env_file)
    return sorted(PREFIX + name.upper() for name in given if name not in Settings.model_fields and name not in _OTHERS)


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give another process the same settings; secrets included."""
    return {PREFIX + name.upper(): _text(getattr(settings, name)) for name in Settings.model_fields}


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.topic == settings.dead_topic:
        problems.append(f"{PREFIX}DEAD_TOPIC must differ from {PREFIX}TOPIC, or dead letters would be read as events")
    if settings.kafka_security_protocol.startswith("SASL") and not settings.kafka_sasl_username:
        problems.append(f"{PREFIX}KAFKA_SASL_USERNAME is needed for {settings.kafka_security_protocol}")
    if settings.kafka_tls_ca and not settings.kafka_security_protocol.endswith("SSL"):
        problems.append(f"{PREFIX}KAFKA_TLS_CA is for TLS, but {PREFIX}KAFKA_SECURITY_PROTOCOL is without")
    scheme = urlsplit(settings.clickhouse.get_secret_value()).scheme
    if scheme not in {"http", "https", "chdb"}:
        problems.append(f"{PREFIX}CLICKHOUSE must begin with http://, https:// or chdb://")
    elif settings.clickhouse_tls_ca and scheme != "https":
        problems.append(f"{PREFIX}CLICKHOUSE_TLS_CA is for https, but {PREFIX}CLICKHOUSE begins with {scheme}://")
    try:
        parse_shards(settings.project_shards)
    except SettingsError as error:
        problems += error.problems
    if settings.events_retention_days > settings.rollup_retention_days:
        problems.append(f"{PREFIX}EVENTS_RETENTION_DAYS must not exceed {PREFIX}ROLLUP_RETENTION_DAYS")
    return problems


def _shown(value: Any) -> str:
    text = _text(value)
    if isinstance(value, SecretStr):
        return hide_password(text) if "://" in text else (HIDDEN if text else "")
    return text


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value).lower() if isinstance(value, bool) else str(value)
