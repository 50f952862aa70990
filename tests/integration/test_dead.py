"""`tokentide dead` against a real Kafka: what it lists, shows and sends; once, also when it is killed on the way."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner

from tests.builders import an_event, line
from tests.integration.deployment import until
from tests.oracle.log import Sent
from tokentide import clock
from tokentide.cli import cli
from tokentide.dead.identities import OncePerIdentity
from tokentide.dead.letter import Letter, LetterId, Place
from tokentide.dead.replay import Identity, ReplayRecord
from tokentide.kafka import kafka_options
from tokentide.settings import environment_of
from tokentide.worker.adapters import KafkaLog

LIMIT = 400
DYING = """
import os, sys, signal
from tokentide.cli import main
from tokentide.dead.topics import KafkaPost
name, number, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
whole, calls = getattr(KafkaPost, name), []
async def dying(self, *arguments):
    calls.append(name)
    if len(calls) == number and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    done = await whole(self, *arguments)
    if len(calls) == number and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return done
setattr(KafkaPost, name, dying)
sys.argv = ["tokentide", "dead", "replay", "--all"]
main()
"""


def a_large_event(number):
    """One that a worker refuses which is told to take small records only."""
    return an_event(number, at_ms=clock.now_ms(), metadata={"note": "x" * LIMIT})


def command(deployment, *arguments, code=0):
    """What `tokentide dead …` prints; with --json the objects."""
    done = CliRunner().invoke(cli, ["dead", *arguments], env=environment_of(deployment.settings), standalone_mode=False)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def records_of(deployment, partition=0):
    """Every record of a partition of the events."""

    async def read():
        log = KafkaLog(deployment.settings)
        try:
            end = (await log.bounds([partition]))[partition].end
            return [record async for records in log.read(partition, 0, end) for record in records]
        finally:
            await log.close()

    return asyncio.run(read())


def refuse(deployment, *values):
    """Send records that a worker with a small limit refuses, and wait for their letters and the duplicates window."""
    deployment.settings = deployment.settings.model_copy(update={"dedup_window_seconds": 1})
    deployment.send((0, [value], value) for value in values)
    worker = deployment.worker(max_record_bytes=LIMIT)
    until(lambda: len(deployment.dead()) == len(values), "everything is a dead letter")
    assert worker.stop() == 0
    forgotten_ms = records_of(deployment)[-1].timestamp + 1000
    until(lambda: clock.now_ms() > forgotten_ms, "the window is over")


def fold_replayed(deployment, first):
    """Note what was replayed as what the log holds, and compare what a worker makes of it."""
    for record in records_of(deployment)[first:]:
        deployment.log.sent.append(Sent(0, record.offset, record.timestamp, json.loads(record.value)))
        deployment.log.ends[0] = record.offset + 1
    deployment.worker()
    deployment.check()


def test_letters_are_listed_and_shown_whatever_they_hold(deployment):
    """By reason, project and time; their bytes exactly, and as text that a terminal may show."""
    bad = b'{"project_id": "p", "event_id": 5}'
    strange = b'{"project_id": "q\xff\x1b[31m'
    deployment.send(iter([(0, [bad], bad), (1, [strange], strange), (0, [b"[]x"], b"[]x")]))
    worker = deployment.worker()
    until(lambda: len(deployment.dead()) == 3, "everything is a dead letter")
    worker.child.kill()
    listed = command(deployment, "list", "--json")
    assert {one["id"]: (one["reason"], one["projects"], one["bytes"], one["state"]) for one in listed} == {
        "0:0:0": ("missing_field", ["p"], len(bad), "waiting"),
        "1:0:0": ("not_utf8", [], len(strange), "waiting"),
        "0:1": ("not_json", [], 3, "waiting"),
    }
    assert [one["id"] for one in command(deployment, "list", "--project", "p", "--json")] == ["0:0:0"]
    assert [one["id"] for one in command(deployment, "list", "--reason", "not_utf8", "--json")] == ["1:0:0"]
    assert command(deployment, "list", "--to", listed[0]["time"], "--json") == []
    assert "3 dead letters: " in command(deployment, "list")
    assert r'{"project_id": "q\xff\x1b[31m' in command(deployment, "show", "1:0")
    (shown,) = command(deployment, "show", "1:0:0", "--json")
    assert base64.b64decode(shown["raw_base64"]) == strange
    raw = CliRunner().invoke(cli, ["dead", "show", "1:0", "--raw"], env=environment_of(deployment.settings))
    assert raw.stdout_bytes == strange


def test_a_replay_after_a_fix_counts_once(deployment):
    """What a larger limit lets in is counted, from the partition that it came from; a second replay sends nothing."""
    events = [a_large_event(number) for number in range(3)]
    refuse(deployment, *map(line, events))
    deployment.log.refused.clear()
    unforgotten = environment_of(deployment.settings.model_copy(update={"dedup_window_seconds": 600}))
    early = CliRunner().invoke(cli, ["dead", "replay", "--all"], env=unforgotten)
    assert (early.exit_code, early.stdout.count("would be taken for a duplicate of itself until")) == (1, 3)
    foretold = command(deployment, "replay", "--all", "--dry-run", "--json")
    assert [one["would_be"] for one in foretold] == ["accepted"] * 3
    assert len(records_of(deployment)) == 3
    (one,) = command(deployment, "replay", "0:1", "--json")
    assert (one["outcome"], one["replayed_to"]) == ("sent", "0:3")
    sent = command(deployment, "replay", "--reason", "too_large", "--json")
    assert [(one["id"], one["outcome"]) for one in sent] == [("0:0", "sent"), ("0:1", "already"), ("0:2", "sent")]
    told = command(deployment, "replay", "--all")
    assert "0:1  too_large  was replayed already, as 0:3: nothing was sent" in told
    assert "replayed 3 of 3 letters" in told
    replayed = records_of(deployment)[3:]
    assert [record.value for record in replayed] == [line(events[1]), line(events[0]), line(events[2])]
    assert [dict(record.headers)["replay_of"] for record in replayed] == [b"0:1", b"0:0", b"0:2"]
    assert {record.key for record in replayed} == {b"p"}
    fold_replayed(deployment, 3)


@pytest.mark.parametrize(
    ("step", "number", "when"),
    [("note", 1, "after"), ("send", 1, "after"), ("send", 2, "before"), ("note", 2, "after")],
)
def test_a_replay_that_is_killed(deployment, step, number, when):
    """Between its steps, by SIGKILL: the next one finishes what was begun, and each event is there once."""
    events = [a_large_event(number) for number in range(2)]
    refuse(deployment, *map(line, events))
    environment = environment_of(deployment.settings)
    run = [sys.executable, "-c", DYING, step, str(number), when]
    killed = subprocess.run(run, env=environment, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -9, killed.stderr
    sent = command(deployment, "replay", "--all", "--json")
    assert {one["outcome"] for one in sent} <= {"finished", "already"}
    assert [record.value for record in records_of(deployment)[2:]] == list(map(line, events))
    assert [one["outcome"] for one in command(deployment, "replay", "--all", "--json")] == ["already"] * 2
    assert len(records_of(deployment)) == 4


def test_kafka_takes_one_record_of_an_identity(deployment):
    """Two processes send the same replay, one after the other and both at once: one record stands in the log."""
    letter = Letter(LetterId("t", 2, 0, None, 0), Place(0, 0), "bad_value", "", 1, cut=False, projects=())

    async def send_all():
        async with OncePerIdentity(deployment.settings) as one, OncePerIdentity(deployment.settings) as two:
            first, second = await one.identities(2)
            for identity in (first, second):
                record = ReplayRecord(2, identity, letter, str(identity).encode())
                await asyncio.gather(one.send(record, []), two.send(record, []))
            for number in range(8):  # Kafka remembers the places of an identity's last few records only
                record = ReplayRecord(2, Identity(first.producer_id, first.epoch), letter, b"%d" % number)
                await two.send(record, [])
            return [str(first).encode(), str(second).encode()]

    expected = asyncio.run(send_all())
    assert [record.value for record in records_of(deployment, 2)] == expected


def test_what_is_refused_again_stays_dead(deployment):
    """Its letter says whose replay it is, and only `--again` sends it once more; so it is with what cannot be sent."""
    bad = b'{"project_id": "p", "event_id": 5}'
    deployment.send(iter([(0, [bad], bad)]))
    worker = deployment.worker()
    until(lambda: len(deployment.dead()) == 1, "a dead letter")
    assert command(deployment, "replay", "--all", "--json")[0]["outcome"] == "sent"
    until(lambda: len(command(deployment, "list", "--json")) == 2, "it is refused again")
    first, second = command(deployment, "list", "--json")
    assert (first["state"], first["replayed_to"], second["id"], second["replay_of"]) == (
        "replayed",
        "0:1",
        "0:1:0",
        "0:0:0",
    )
    outcomes = command(deployment, "replay", "--all", "--json", code=1)
    assert [one["outcome"] for one in outcomes] == ["already", "refused_again"]
    assert len(records_of(deployment)) == 2
    again = command(deployment, "replay", "0:1", "--again", "--json")
    assert [one["outcome"] for one in again] == ["sent"]
    assert worker.stop() == 0


def test_a_letter_that_was_cut_is_sent_whole_while_the_log_holds_it(deployment):
    """Out of the record that it was cut from; where that is gone, it is not sent, and the reason is said."""
    event = line(a_large_event(1) | {"latency_ms": -1})
    deployment.send(iter([(0, [event], event)]))
    place = records_of(deployment)[0]

    async def cut():
        producer = AIOKafkaProducer(**kafka_options(deployment.settings))
        await producer.start()
        for offset in (0, 7):
            said = {"topic": deployment.settings.topic, "partition": "0", "offset": str(offset), "index": ""}
            said |= {
                "record_time_ms": str(place.timestamp),
                "reason": "too_large",
                "detail": "",
                "cut_from_bytes": "999",
            }
            headers = [(name, text.encode()) for name, text in said.items()]
            await producer.send_and_wait(deployment.settings.dead_topic, event[:50], headers=headers)
        await producer.stop()

    asyncio.run(cut())
    outcomes = command(deployment, "replay", "--all", "--json", code=1)
    assert [(one["id"], one["outcome"]) for one in outcomes] == [("0:0", "sent"), ("0:7", "cut")]
    assert "the log lost the rest" in outcomes[1]["said"]
    assert [record.value for record in records_of(deployment)] == [event, event]


def test_wrong_use_is_said(deployment):
    """Nothing said, a letter that is not there, a reason that is none, a time that is none."""
    for arguments in (["replay"], ["list", "--reason", "ugly"], ["list", "--from", "yesterday"]):
        done = CliRunner().invoke(cli, ["dead", *arguments], env=environment_of(deployment.settings))
        assert (done.exit_code, "Error: " in done.output) == (2, True)
    run = [sys.executable, "-m", "tokentide", "dead", "show", "0:99"]
    done = subprocess.run(
        run, env=environment_of(deployment.settings), capture_output=True, timeout=60, check=False, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "tokentide: no dead letter is named 0:99; see `tokentide dead list`\n"
