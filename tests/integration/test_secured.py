"""Kafka over TLS with SCRAM users and rights, ClickHouse over https with a password: every command works on them.

And what is wrong with a password, a certificate or a protocol is said so that somebody can mend it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.builders import an_event, line
from tests.integration.deployment import WorkerProcess, until
from tests.integration.secured import PASSWORD, STORE_USER, Secured, secured, tokentide
from tokentide import clock
from tokentide.embedded.processes import Child
from tokentide.errors import DependencyUnavailable, SettingsError, StoreRejected, StoreUnavailable
from tokentide.kafka import kafka_options, missing_topics
from tokentide.settings import load
from tokentide.store import open_store

EVENTS = 300


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Both servers, with topics and schema made by `tokentide migrate` as its own user."""
    with secured(tmp_path_factory.mktemp("secured")) as made:
        done = tokentide("migrate", "--partitions=2", env=made.environment("migrate"))
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
        assert "made topic llm.events.dead" in done.stdout
        yield made


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with an authority that signed nothing here."""
    file = tmp_path_factory.mktemp("stranger") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    return str(file)


def started(place: Secured, command: str) -> Child:
    """A service in a process of its own, as its own user."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOKENTIDE_")}
    program = [sys.executable, "-m", "tokentide", command]
    return place.folder.spawn(command, program, env=clean | place.environment(command), cwd=place.folder.path)


@pytest.mark.slow
def test_everything_works_over_tls_with_users(place: Secured, tmp_path: Path) -> None:
    """Worker, API, gateway, ingest, dead and reconcile each do their work, with the rights of their own user."""
    worker, api = WorkerProcess(started(place, "worker")), started(place, "api")
    try:
        file = tmp_path / "calls.ndjson"
        calls = [an_event(number, at_ms=clock.now_ms(), project_id="web") for number in range(EVENTS)]
        file.write_bytes(b"\n".join(line(call) for call in calls) + b"\n")
        operator = place.environment("operator")
        sent = tokentide("ingest", str(file), env=operator)
        assert (sent.returncode, f"sent {EVENTS} events" in sent.stdout) == (0, True), sent.stderr
        key = tokentide("keys", "create", "--org=o", "--project=web", "--role=ingest", "--json", env=operator)
        url = until(lambda: re.search(r"API answers at (http://\S+)", api.log.read_text()), "the API answers", 60)[1]
        send(url, json.loads(key.stdout)["key"], line(an_event(EVENTS, at_ms=clock.now_ms(), project_id="web")))
        asyncio.run(produce(place, b"no event"))
        until(lambda: worker.url and worker.metric("events_total") == EVENTS + 1, "all are folded", 90)
        until(lambda: worker.metric("dead_letters_total") == 1, "and one is refused", 60)
        listed = tokentide("dead", "list", "--json", env=operator)
        assert listed.returncode == 0, listed.stderr
        assert tokentide("reconcile", env=operator).returncode == 0
        assert (worker.stop(), api.stop(60)) == (0, 0)
    finally:
        worker.child.kill()
        api.kill()
    for log in (worker.said(), api.log.read_text(encoding="utf-8")):
        assert PASSWORD not in log
        assert "Traceback" not in log


def send(url: str, key: str, body: bytes) -> None:
    """One event by way of the gateway, acknowledged."""
    headers = {"x-api-key": key, "content-type": "application/x-ndjson"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/ingest", body, headers), timeout=60) as answer:
        assert json.load(answer) == {"accepted": 1}


async def produce(place: Secured, value: bytes, user: str = "operator") -> None:
    """One record into the events' topic."""
    producer = AIOKafkaProducer(**kafka_options(load(place.environment(user), None)))
    await producer.start()
    try:
        await producer.send_and_wait("llm.events", value)
    finally:
        await producer.stop()


@pytest.mark.parametrize("protocol", ["SSL", "SASL_PLAINTEXT", "SASL_SSL"])
async def test_each_protocol_reaches_the_broker(place: Secured, protocol: str) -> None:
    """What the settings promise, the broker takes."""
    authorities = {} if protocol.endswith("SSL") else {"kafka_tls_ca": ""}
    named = {"kafka": place.listeners[protocol], "kafka_security_protocol": protocol}
    assert await missing_topics(load(place.environment("operator", **named, **authorities), None)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kafka_sasl_password": "wrong"}, "user tokentide_operator was refused. Check TOKENTIDE_KAFKA_SASL_USERNAME"),
        ({"kafka_sasl_username": "nobody"}, "user nobody was refused. Check TOKENTIDE_KAFKA_SASL_USERNAME"),
        ({"kafka_sasl_mechanism": "PLAIN"}, "it does not take PLAIN. Check TOKENTIDE_KAFKA_SASL_MECHANISM"),
        ({"kafka_tls_ca": "STRANGER"}, "certificate is not to be trusted: .*TOKENTIDE_KAFKA_TLS_CA must name the file"),
        ({"kafka_tls_ca": ""}, "certificate is not to be trusted: .*TOKENTIDE_KAFKA_TLS_CA must name the file"),
        ({"kafka": "SASL_PLAINTEXT"}, "it hangs up.*Check TOKENTIDE_KAFKA_SECURITY_PROTOCOL and"),
        (
            {"kafka_security_protocol": "PLAINTEXT", "kafka_tls_ca": ""},
            "it hangs up.*TOKENTIDE_KAFKA_SECURITY_PROTOCOL",
        ),
        ({"kafka": "127.0.0.1:1"}, "does not answer: .*Check TOKENTIDE_KAFKA"),
    ],
    ids=str,
)
async def test_what_kafka_refuses_is_said(place: Secured, stranger: str, wrong: dict[str, str], said: str) -> None:
    """The message names the setting that is wrong, and no secret."""
    known = {"STRANGER": stranger, "SASL_PLAINTEXT": place.listeners["SASL_PLAINTEXT"]}
    settings = load(place.environment("operator", **{n: known.get(v, v) for n, v in wrong.items()}), None)
    with pytest.raises(DependencyUnavailable, match=said) as refused:
        await missing_topics(settings)
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("command", [("worker",), ("migrate",), ("ingest", "-"), ("reconcile",), ("dead", "list")])
def test_commands_end_with_three_and_one_line(place: Secured, command: tuple[str, ...]) -> None:
    """A wrong password ends every command with exit code 3 and says what to check, without it and without a trace."""
    wrong = place.environment("operator", kafka_sasl_password="never-shown")
    done = tokentide(*command, env=wrong, input="")
    assert done.returncode == 3
    assert "user tokentide_operator was refused. Check TOKENTIDE_KAFKA_SASL_USERNAME" in done.stderr
    assert [word for word in ("never-shown", PASSWORD, "Traceback") if word in done.stdout + done.stderr] == []


@pytest.mark.parametrize("name", ["kafka_tls_ca", "clickhouse_tls_ca"])
def test_a_file_that_is_not_there_is_a_wrong_setting(place: Secured, name: str) -> None:
    """Exit code 2, and the name of the setting and of the file."""
    done = tokentide("migrate", env=place.environment("migrate", **{name: "/nowhere/ca.pem"}))
    assert done.returncode == 2
    assert f"TOKENTIDE_{name.upper()}: /nowhere/ca.pem" in done.stderr


async def test_users_may_do_their_own_work_only(place: Secured) -> None:
    """The worker may not send events, and the API may not read them."""
    with pytest.raises(KafkaError, match=r"llm\.events"):
        await produce(place, b"{}", "worker")
    consumer = AIOKafkaConsumer("llm.events", **kafka_options(load(place.environment("api"), None)))
    await consumer.start()
    try:
        with pytest.raises(KafkaError, match=r"llm\.events"):
            await asyncio.wait_for(consumer.getone(), 30)
    finally:
        await consumer.stop()


@pytest.mark.parametrize("authorities", ["", "STRANGER"])
def test_a_store_that_is_not_to_be_trusted_is_not_asked(place: Secured, stranger: str, authorities: str) -> None:
    """Certificates are checked, and the message names the setting."""
    file = authorities and stranger
    settings = load(place.environment("api", clickhouse_tls_ca=file), None)
    with pytest.raises(StoreUnavailable, match=r"certificate verify failed.*TOKENTIDE_CLICKHOUSE_TLS_CA") as refused:
        open_store(settings.clickhouse_dsn, "tokentide")
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("credentials", [f"{STORE_USER}:never-shown", f"nobody:{PASSWORD}"])
def test_a_wrong_password_of_the_store_is_said(place: Secured, credentials: str) -> None:
    """The message names the setting, and holds no secret; repeating would not help."""
    wrong = place.store.replace(f"{STORE_USER}:{PASSWORD}", credentials)
    settings = load(place.environment("api", clickhouse=wrong), None)
    with pytest.raises(StoreRejected, match=r"code 516.*Check user and password in TOKENTIDE_CLICKHOUSE") as refused:
        open_store(settings.clickhouse_dsn, "tokentide")
    assert not [word for word in ("never-shown", PASSWORD) if word in str(refused.value)]


@pytest.mark.parametrize("name", ["KAFKA", "CLICKHOUSE"])
def test_authorities_without_tls_are_a_contradiction(name: str) -> None:
    """Who names authorities believes that there is TLS: where there is none, that is said."""
    with pytest.raises(SettingsError, match=f"TOKENTIDE_{name}_TLS_CA is for"):
        load({f"TOKENTIDE_{name}_TLS_CA": "/etc/ca.pem"}, None)
