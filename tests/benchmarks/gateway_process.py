"""One server under load: the gateway as it is, or the reference, by the same web server on the same Kafka.

python -m tests.benchmarks.gateway_process ours|reference PORT KAFKA TOPIC

The reference is what one writes first: FastAPI reads the events with pydantic, and each is produced and awaited.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

from tests.unit.api.fakes import FakeStore, key_row
from tokentide.api.connections import PatientProtocol
from tokentide.events import Event
from tokentide.serving.app import create_app
from tokentide.serving.run import _Server
from tokentide.settings import Settings

KEYS = 4000
"""Ingest keys that the gateway knows: each may send 1,000 requests a minute."""


def key(number: int) -> str:
    return f"tti_{number % KEYS}"


def ours(settings: Settings) -> FastAPI:
    store = FakeStore(access_keys=[key_row(key(number), "ingest") for number in range(KEYS)])
    return create_app(settings, store)


def reference(settings: Settings) -> FastAPI:
    producer: AIOKafkaProducer

    @asynccontextmanager
    async def running(_app: FastAPI):
        nonlocal producer
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all")
        await producer.start()
        yield
        await producer.stop()

    app = FastAPI(lifespan=running)

    @app.post("/v1/ingest", status_code=202)
    async def ingest(events: list[Event]) -> dict[str, int]:
        for event in events:
            value = event.model_dump_json().encode()
            await producer.send_and_wait(settings.topic, value, key=event.project_id.encode())
        return {"accepted": len(events)}

    return app


def main() -> None:
    which, port, kafka, topic = sys.argv[1:]
    settings = Settings(kafka=kafka, topic=topic)
    app = {"ours": ours, "reference": reference}[which](settings)
    config = uvicorn.Config(app, port=int(port), http=PatientProtocol, ws="none", log_config=None, access_log=False)
    _Server(config).run()


if __name__ == "__main__":
    main()
