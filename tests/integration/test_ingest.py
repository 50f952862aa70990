"""`tokentide ingest` against a real Kafka: what is sent is there, once, and what is amiss is said."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pydantic import SecretStr

from tokentide.clock import now_ms
from tokentide.demo.faults import Faults, with_faults
from tokentide.demo.traffic import generate
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running
from tokentide.embedded.ports import free_port
from tokentide.errors import DependencyUnavailable
from tokentide.ingest.run import ingest
from tokentide.kafka import ensure_topics, kafka_options, missing_topics
from tokentide.settings import Settings

SASL = {
    "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.client.plain.sasl.jaas.config": (
        'org.apache.kafka.common.security.plain.PlainLoginModule required user_sender="hush";'
    ),
}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    """A broker for all tests of this file; each uses a topic of its own."""
    with DataFolder(tmp_path_factory.mktemp("kafka")) as folder:
        prepared = prepare_kafka(folder)
        with running(prepared.parts):
            yield prepared.bootstrap


@pytest.fixture
async def settings(kafka, request):
    """Settings with topics that were just made."""
    name = request.node.name.replace("[", ".").rstrip("]")
    made = Settings(kafka=kafka, topic=name, dead_topic=f"{name}.dead")
    assert await ensure_topics(made, partitions=3) == [made.topic, made.dead_topic]
    return made


@pytest.fixture
def week(tmp_path):
    """A file of 3,000 events with repeats and bad lines, and the lines in it."""
    end_ms = now_ms()
    faults = Faults(repeated=0.02, bad=0.02)
    lines = list(with_faults(generate(4, 3000, end_ms, ["a", "b", "c"]), faults, 4, end_ms))
    file = tmp_path / "week.ndjson"
    file.write_bytes(b"".join(line.body + b"\n" for line in lines))
    return file, lines


async def records_of(settings):
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **kafka_options(settings))
    await consumer.start()
    try:
        places = [TopicPartition(settings.topic, number) for number in range(3)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        records = []
        async with asyncio.timeout(20):
            while len(records) < sum(ends.values()):
                for fetched in (await consumer.getmany(timeout_ms=500)).values():
                    records += fetched
        return records
    finally:
        await consumer.stop()


def command(settings, *arguments, **options):
    names = {"TOKENTIDE_KAFKA": settings.kafka, "TOKENTIDE_TOPIC": settings.topic}
    environment = {**os.environ, **names, "TOKENTIDE_DEAD_TOPIC": settings.dead_topic}
    run = [sys.executable, "-m", "tokentide", "ingest", *arguments]
    return subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


async def test_every_good_line_is_in_the_topic_once(settings, week):
    """The records hold exactly the good lines, each under its project's key, in order, a hundred at most."""
    file, lines = week
    read = []
    report = await ingest(settings, (str(file),), read.append)
    records = await records_of(settings)
    for project in ("a", "b", "c"):
        held = [line for record in records if record.key == project.encode() for line in record.value.split(b"\n")]
        assert held == [line.body for line in lines if line.event and line.project_id == project]
    assert max(record.value.count(b"\n") + 1 for record in records) == 100
    assert report.events == sum(line.event is not None for line in lines)
    assert report.records == len(records)
    assert [(each.line, each.reason) for _, each in report.refusals] == [
        (number, line.reason) for number, line in enumerate(lines, 1) if line.reason
    ]
    assert sum(read) == file.stat().st_size


async def test_a_sharded_project_is_spread_by_identity(settings, week):
    """All repeats of an identity stand under one key, and so in one partition."""
    file, _ = week
    await ingest(settings.model_copy(update={"project_shards": "a=3"}), (str(file),), lambda _: None)
    keys = {}
    for record in await records_of(settings):
        for line in record.value.split(b"\n"):
            event = msgspec.json.decode(line)
            keys.setdefault((event["project_id"], event["event_id"]), set()).add(record.key)
    assert {key for found in keys.values() for key in found} == {b"a#0", b"a#1", b"a#2", b"b", b"c"}
    assert max(map(len, keys.values())) == 1


async def test_topics_are_made_as_log_time_needs_them(settings):
    """The events' topic is stamped by the broker; both take what may be sent to them; nothing is made twice."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka)
    await admin.start()
    try:
        topics = [ConfigResource(ConfigResourceType.TOPIC, name) for name in (settings.topic, settings.dead_topic)]
        answers = await admin.describe_configs(topics)
    finally:
        await admin.close()
    found = {entry[3]: {one[0]: one[1] for one in entry[4]} for answer in answers for entry in answer.resources}
    assert found[settings.topic]["message.timestamp.type"] == "LogAppendTime"
    assert found[settings.topic]["retention.ms"] == str(7 * 86_400_000)
    assert int(found[settings.topic]["max.message.bytes"]) > settings.max_record_bytes
    assert int(found[settings.dead_topic]["max.message.bytes"]) > 10 * settings.max_record_bytes
    assert await ensure_topics(settings, partitions=3) == []


async def test_the_largest_record_that_is_allowed_gets_through(settings, tmp_path):
    """A line of exactly MAX_RECORD_BYTES is sent; one byte more is refused here, not by Kafka."""
    event = next(generate(1, 1, now_ms(), ["a"]))
    file = tmp_path / "large.ndjson"
    for size, sent in ((settings.max_record_bytes, 1), (settings.max_record_bytes + 1, 0)):
        room = size - len(msgspec.json.encode(event | {"note": ""}))
        file.write_bytes(msgspec.json.encode(event | {"note": "x" * room}))
        report = await ingest(settings, (str(file),), lambda _: None)
        assert (report.events, dict(report.reasons)) == (sent, {} if sent else {"too_large": 1})


async def test_one_missing_topic_is_made(kafka):
    """What is there stays as it is, only what is missing is made."""
    settings = Settings(kafka=kafka, topic="half", dead_topic="half.dead")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic("half", 1, 1)])
    await admin.close()
    assert await missing_topics(settings) == ["half.dead"]
    assert await ensure_topics(settings, partitions=3) == ["half.dead"]


async def test_a_missing_topic_is_named(kafka, week):
    """Nothing is sent, and the message says what to run."""
    with pytest.raises(DependencyUnavailable, match=r"topic nowhere is missing.*tokentide migrate"):
        await ingest(Settings(kafka=kafka, topic="nowhere"), (str(week[0]),), lambda _: None)


async def test_kafka_away_is_said_in_time(week):
    """Where nothing listens, the end comes with the address and the setting to check."""
    settings = Settings(kafka=f"127.0.0.1:{free_port()}")
    async with asyncio.timeout(30):
        with pytest.raises(DependencyUnavailable, match=rf"{settings.kafka}.*TOKENTIDE_KAFKA"):
            await ingest(settings, (str(week[0]),), lambda _: None)


async def test_sasl(tmp_path, week):
    """With the right password topics are made and records sent; with another one nothing is, and it is said."""
    with DataFolder(tmp_path / "sasl") as folder:
        prepared = prepare_kafka(folder, extra_properties=SASL)
        with running(prepared.parts):
            settings = Settings(
                kafka=prepared.bootstrap,
                kafka_security_protocol="SASL_PLAINTEXT",
                kafka_sasl_username="sender",
                kafka_sasl_password=SecretStr("hush"),
            )
            await ensure_topics(settings, partitions=3)
            report = await ingest(settings, (str(week[0]),), lambda _: None)
            assert report.events > 3000
            wrong = settings.model_copy(update={"kafka_sasl_password": SecretStr("loud")})
            with pytest.raises(DependencyUnavailable) as error:
                await ingest(wrong, (str(week[0]),), lambda _: None)
            assert "loud" not in str(error.value)


async def test_the_command_reports_as_json(settings, week):
    """Exit code 0 with some refused lines; stdout holds the report alone."""
    file, lines = week
    process = command(settings, str(file), "--json")
    out, err = process.communicate(timeout=60)
    report = json.loads(out)
    assert (process.returncode, err) == (0, "")
    assert report["refused"] == sum(line.reason is not None for line in lines)
    assert report["events"] + report["refused"] == len(lines)


async def test_the_command_fails_when_nothing_was_good(settings, tmp_path):
    """Exit code 1 when lines were refused and none accepted."""
    file = tmp_path / "bad.ndjson"
    file.write_text("{}\nnonsense\n")
    process = command(settings, str(file))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "missing_field 1" in out
    assert "not_json 1" in out


@pytest.fixture
def heeded_interrupts():
    """A shell lets what it runs in the background ignore Ctrl-C, and that is inherited."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_interrupts")
async def test_a_slow_pipe_is_sent_as_it_comes(settings):
    """Events from standard input are in the topic before the input ends, and Ctrl-C ends the command with 130."""
    process = command(settings, "-", stdin=subprocess.PIPE)
    events = generate(9, 2, now_ms(), ["a"])
    for number, event in enumerate(events, 1):
        process.stdin.write(json.dumps(event) + "\n")
        process.stdin.flush()
        deadline = time.monotonic() + 30
        while len(await records_of(settings)) < number:
            assert time.monotonic() < deadline, "the event did not arrive"
            assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130  # the input is still open: nothing but the signal ends it
    process.communicate()
