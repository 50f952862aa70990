"""The Faust app of a worker: one agent over slices, and Faust's hooks wired to the pipeline."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import faust
from faust.types.tuples import TP
from yarl import URL

from tokentide.kafka import kafka_options
from tokentide.settings import Settings
from tokentide.worker.pipeline import Pipeline
from tokentide.worker.transport import SliceTransport

__all__ = ["build_app", "commit_as_member"]

_logger = logging.getLogger(__name__)


class _App(faust.App):
    """Faust's app without its folder on disk, which only its tables need: the working folder may be read-only."""

    logger = logging.getLogger("faust.app")  # else Faust's small talk would go out under this module's name

    def _create_directories(self) -> None:
        pass


def build_app(settings: Settings, pipeline: Pipeline, fail: Callable[[BaseException], None]) -> Any:
    """The app, ready to be started.

    Args:
        settings: of the worker.
        pipeline: what assignments, slices and shutdown are handed to.
        fail: told of any error that must end the process.
    """
    app = _App(settings.group, **_configuration(settings))
    app.transport = SliceTransport(app.conf.broker_consumer, app)
    # Faust must not track or commit offsets: it acks what an agent raised on, and commits past what is in flight.
    topic = app.topic(
        settings.topic, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw", acks=False
    )

    @app.agent(topic, name="fold", concurrency=1)
    async def fold(stream: Any) -> None:
        async for event in stream.events():
            try:
                await pipeline.consume(event.message.value, app.consumer_generation_id)
            except Exception as error:  # noqa: BLE001  nothing may leave an agent: Faust would go on behind it
                fail(error)

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:
        await _guard(pipeline.revoked(), fail)

    @app.on_rebalance_complete.connect
    async def assigned(*_: Any, **__: Any) -> None:
        mine = {place.partition for place in app.consumer.assignment() if place.topic == settings.topic}
        await _guard(pipeline.assigned(mine), fail)

    @app.on_before_shutdown.connect
    async def stopping(*_: Any, **__: Any) -> None:
        await _guard(pipeline.revoked(), fail)

    return app


def commit_as_member(app: Callable[[], Any], topic: str) -> Callable[[Any], Any]:
    """A function that commits next offsets by partition through the app's own consumer.

    It uses a semi-private method of Faust, in this one place: the public way commits what Faust tracked, and it must
    track nothing here.
    """

    async def commit(positions: dict[int, int]) -> bool:
        offsets = {TP(topic, partition): offset for partition, offset in positions.items()}
        return bool(await app().consumer._commit_offsets(offsets))  # noqa: SLF001

    return commit


async def _guard(call: Any, fail: Callable[[BaseException], None]) -> None:
    try:
        await call
    except Exception as error:  # noqa: BLE001  Faust would go on after a hook that raised
        fail(error)


def _configuration(settings: Settings) -> dict[str, Any]:
    options = kafka_options(settings)
    return {
        "broker": [URL(f"kafka://{address}") for address in settings.kafka.split(",")],
        "broker_credentials": _credentials(options),
        "autodiscover": False,
        "store": "memory://",
        "web_enabled": False,
        "table_standby_replicas": 0,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        # None and not "": aiokafka takes that for a name, and workers of one name drive each other out.
        "consumer_group_instance_id": settings.group_instance_id or None,
        "consumer_auto_offset_reset": "earliest",
        # How soon a partition that was added is found; the client would look every five minutes.
        "consumer_metadata_max_age_ms": 15_000,
        # Counted in slices. Small, so that a rebalance has little to throw away.
        "stream_buffer_maxsize": 64,
        "broker_max_poll_records": 5000,
        "broker_session_timeout": 10.0,
        "broker_heartbeat_interval": 2.0,
        "broker_request_timeout": 30.0,
        # A worker that waits for its store is alive: it keeps its partitions, and its heartbeat says so.
        "broker_max_poll_interval": 86_400.0,
        "stream_wait_empty": False,
    }


def _credentials(options: dict[str, Any]) -> Any:
    context = options.get("ssl_context")
    if str(options.get("security_protocol", "")).startswith("SASL"):
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=options["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
