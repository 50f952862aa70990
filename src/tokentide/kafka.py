"""How Kafka is reached, and which topics must be there: one place for producers, consumers and administration."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAlreadyExistsError,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.helpers import create_ssl_context

from tokentide.errors import DependencyUnavailable, SettingsError
from tokentide.settings import Settings

__all__ = [
    "LARGEST_LETTER_BYTES",
    "administration",
    "ensure_topics",
    "kafka_options",
    "missing_topics",
    "partition_counts",
    "topic_configurations",
    "why_unreachable",
]

LARGEST_LETTER_BYTES = 64 * 1024 * 1024
"""Largest record of the dead-letter topic. A compressed record of the events' topic may hold more than that topic's own
limit once it is read."""

_WEEK_MS = 7 * 24 * 3600 * 1000
_DEAD_RETENTION_MS = 30 * 24 * 3600 * 1000
_REQUEST_MS = 15_000
_FRAMING_BYTES = 64 * 1024
_SAFE = 3
"""Replicas from which one may be lost while all goes on."""


def kafka_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that make any client of aiokafka reach Kafka as the settings say; they hold secrets.

    Raises:
        SettingsError: the file of the certificate authorities cannot be read.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
        }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings.kafka_tls_ca)
    return options


async def ensure_topics(settings: Settings, *, partitions: int, replication: int = 1) -> list[str]:
    """Make the topics that are missing; their names.

    The topic of the events takes its time from the broker, so that no producer's clock can push log time ahead. Both
    take records as large as they may get: a dead letter holds what was refused, also when that was too large.

    Raises:
        DependencyUnavailable: Kafka does not answer, or refuses to make them.
    """
    missing = await missing_topics(settings)
    configurations = topic_configurations(settings, replication)
    wanted = [NewTopic(name, partitions, replication, topic_configs=configurations[name]) for name in missing]
    if wanted:
        async with administration(settings) as admin:
            answer = await admin.create_topics(wanted, timeout_ms=_REQUEST_MS)
        for name, code, *_ in answer.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise DependencyUnavailable(f"topic {name} cannot be made: {for_code(code).__name__}")
    return missing


def topic_configurations(settings: Settings, replication: int) -> dict[str, dict[str, str]]:
    """How each topic is set up when it is made; with three replicas, two must have what is acknowledged."""
    both = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"} if replication >= _SAFE else {}
    return {
        settings.topic: both
        | {
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": str(_WEEK_MS),
            "max.message.bytes": str(settings.max_record_bytes + _FRAMING_BYTES),
        },
        settings.dead_topic: both
        | {
            "retention.ms": str(_DEAD_RETENTION_MS),
            "max.message.bytes": str(LARGEST_LETTER_BYTES),
        },
    }


async def missing_topics(settings: Settings) -> list[str]:
    """Which of the topics that must be there are not.

    Raises:
        DependencyUnavailable: Kafka does not answer.
    """
    async with administration(settings) as admin:
        there = set(await admin.list_topics())
    return [name for name in (settings.topic, settings.dead_topic) if name not in there]


async def partition_counts(settings: Settings) -> dict[str, int]:
    """How many partitions the topics have that must be there.

    Raises:
        DependencyUnavailable: Kafka does not answer, or does not have them.
    """
    wanted = [settings.topic, settings.dead_topic]
    async with administration(settings) as admin:
        described = {entry["topic"]: entry for entry in await admin.describe_topics(wanted)}
    missing = [name for name in wanted if name not in described or not described[name]["partitions"]]
    if missing:
        raise DependencyUnavailable(
            f"topics missing in Kafka at {settings.kafka}: {', '.join(missing)}. Run `tokentide migrate` first."
        )
    return {name: len(described[name]["partitions"]) for name in wanted}


def _ssl_context(authorities_file: str) -> ssl.SSLContext:
    try:
        context: ssl.SSLContext = create_ssl_context(cafile=authorities_file or None)
    except OSError as error:
        raise SettingsError([f"TOKENTIDE_KAFKA_TLS_CA: {authorities_file}: {error}"]) from error
    return context


@asynccontextmanager
async def administration(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Kafka's administration, while the block lasts.

    Raises:
        DependencyUnavailable: Kafka does not answer, or refuses what is asked inside.
    """
    admin = AIOKafkaAdminClient(request_timeout_ms=_REQUEST_MS, **kafka_options(settings))
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise DependencyUnavailable(await why_unreachable(settings, error)) from error
    finally:
        await admin.close()


async def why_unreachable(settings: Settings, error: Exception) -> str:
    """What is wrong with the way to Kafka, and what to do: the client itself only says that it found none."""
    for address in settings.kafka.split(","):
        refusal = await _refusal(settings, address)
        if advice := _advice(settings, refusal):
            return f"Kafka at {address}: {advice}"
    return f"Kafka at {settings.kafka} does not answer: {error!r}. Check TOKENTIDE_KAFKA."


async def _refusal(settings: Settings, address: str) -> Exception | None:
    """How one broker answers to a connection; None when that comes about."""
    options = kafka_options(settings)
    del options["bootstrap_servers"]
    host, _, port = address.rpartition(":")
    try:
        connection = await create_conn(host, int(port), request_timeout_ms=_REQUEST_MS, **options)
    except (KafkaError, OSError, TimeoutError, ValueError) as refusal:
        return refusal
    connection.close()
    return None


def _advice(settings: Settings, refusal: Exception | None) -> str:
    """What to do about a refusal; empty when it says nothing of security."""
    match refusal:
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not to be trusted: {refusal.verify_message}. TOKENTIDE_KAFKA_TLS_CA must name the "
                "file with the authorities that signed it, and TOKENTIDE_KAFKA the hosts that it is made out to"
            )
        case UnsupportedSaslMechanismError():
            return (
                f"it does not take {settings.kafka_sasl_mechanism}. Check TOKENTIDE_KAFKA_SASL_MECHANISM and "
                "TOKENTIDE_KAFKA_SECURITY_PROTOCOL"
            )
        case SaslAuthenticationFailed() | AuthenticationFailedError():
            return (
                f"user {settings.kafka_sasl_username} was refused. Check TOKENTIDE_KAFKA_SASL_USERNAME, "
                "TOKENTIDE_KAFKA_SASL_PASSWORD and TOKENTIDE_KAFKA_SASL_MECHANISM"
            )
        case ssl.SSLError() | KafkaConnectionError() | ConnectionResetError():
            return (
                f"it hangs up, as it does on who speaks another protocol than its port ({refusal!r}). Check "
                "TOKENTIDE_KAFKA_SECURITY_PROTOCOL and the port"
            )
    return ""
