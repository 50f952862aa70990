"""What is found in topics, from what Kafka tells about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tokentide.doctor.judging.topics import Cluster, Partition, Topic, judge_topics
from tokentide.settings import Settings

DAY = 86_400
EVENTS = {
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "cleanup.policy": "delete",
    "min.insync.replicas": "2",
    "max.message.bytes": "1114112",
    "unclean.leader.election.enable": "false",
}
DEAD = EVENTS | {"message.timestamp.type": "CreateTime", "retention.ms": "2592000000", "max.message.bytes": "67108864"}
THREE = tuple(Partition(number, 1, replicas=3, in_sync=3) for number in range(3))


def a_topic(name="llm.events", partitions=THREE, **settings):
    known = DEAD if name.endswith("dead") else EVENTS
    return Topic(name, partitions, known | {name.replace("_", "."): value for name, value in settings.items()})


def judged(*topics, brokers=3, outage_seconds=DAY, **settings):
    """What is found when these topics take the places of good ones."""
    there = {topic.name: topic for topic in (a_topic(), a_topic("llm.events.dead"), *topics)}
    cluster = Cluster("k:9092", brokers, there)
    return judge_topics(Settings(kafka="k:9092", **settings), cluster, outage_seconds)


def names(*topics, **others):
    return [finding.kind.name for finding in judged(*topics, **others)]


def test_topics_as_they_should_be():
    """Three replicas, two of which acknowledge, and the brokers' time: nothing to say."""
    assert names() == []


def test_topics_on_a_laptop():
    """One broker and one replica is all that a single machine can have."""
    alone = (Partition(0, 1, replicas=1, in_sync=1),)
    topics = [a_topic(name, alone, min_insync_replicas="1") for name in ("llm.events", "llm.events.dead")]
    assert names(*topics, brokers=1) == []


def test_a_topic_that_is_not_there():
    """Each is named, with the command that makes it, and nothing else is said of it."""
    found = judge_topics(Settings(), Cluster("k:9092", 3, {}), DAY)
    assert [(f.kind.name, f.where, f.command) for f in found] == [
        ("topic_missing", "llm.events", "tokentide migrate"),
        ("topic_missing", "llm.events.dead", "tokentide migrate"),
    ]


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        (Partition(3, -1, replicas=3, in_sync=0), "partition_offline"),
        (Partition(3, 1, replicas=3, in_sync=1), "partition_refuses_writes"),
        (Partition(3, 1, replicas=3, in_sync=2), "replicas_out_of_sync"),
        (Partition(3, 1, replicas=1, in_sync=1), "partition_refuses_writes"),
    ],
)
def test_replicas(partition, expected):
    """One finding of a kind, which names the partitions."""
    found = judged(a_topic(partitions=(*THREE, partition, replace(partition, number=5))))
    assert [(f.kind.name, f.where) for f in found][:1] == [(expected, "llm.events[3,5]")]


def test_one_replica_on_several_brokers():
    """A broker that is lost would take its partitions with it."""
    alone = tuple(Partition(number, 1, replicas=1, in_sync=1) for number in range(2))
    [finding] = judged(a_topic(partitions=alone, min_insync_replicas="1"))
    assert (finding.kind.name, finding.where) == ("topic_not_replicated", "llm.events[0,1]")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"min_insync_replicas": "1"}, ["one_copy_acknowledged"]),
        ({"unclean_leader_election_enable": "true"}, ["unclean_election"]),
        ({"cleanup_policy": "compact"}, ["topic_compacted"]),
        ({"cleanup_policy": "compact,delete"}, ["topic_compacted"]),
        ({"message_timestamp_type": "CreateTime"}, ["producer_times"]),
        ({"retention_ms": "599999"}, ["retention_below_window", "retention_below_outage"]),
        ({"retention_ms": "600000"}, ["retention_below_outage"]),
        ({"retention_ms": "86399999"}, ["retention_below_outage"]),
        ({"retention_ms": "86400000"}, []),
        ({"retention_bytes": "1000000"}, ["retention_by_size"]),
        ({"max_message_bytes": "1048575"}, ["topic_takes_less"]),
        ({"max_message_bytes": "1048576"}, []),
        ({"max_message_bytes": "67108865"}, ["dead_letters_cut"]),
        ({"retention_ms": "2592000001"}, ["dead_retention_short"]),
        ({"retention_ms": "-1"}, ["dead_retention_short"]),
    ],
    ids=str,
)
def test_settings_of_the_events_topic(settings, expected):
    """Each rule, on both sides of its border."""
    assert names(a_topic(**settings)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"cleanup_policy": "compact"}, ["topic_compacted"]),
        ({"retention_ms": "604799999"}, ["dead_retention_short"]),
        ({"retention_ms": "604800000"}, []),
        ({"retention_ms": "-1"}, []),
        ({"max_message_bytes": "1114111"}, ["dead_letters_cut"]),
        ({"max_message_bytes": "1114112"}, []),
        ({"message_timestamp_type": "CreateTime"}, []),
    ],
    ids=str,
)
def test_settings_of_the_dead_letter_topic(settings, expected):
    """Letters stay as long as their records, and whole."""
    assert names(a_topic("llm.events.dead", **settings)) == expected


def test_the_outage_that_can_be_borne_is_asked_for():
    """The same topic is good for a short outage and not for a long one."""
    assert names(outage_seconds=7 * DAY) == []
    assert names(outage_seconds=7 * DAY + 1) == ["retention_below_outage"]


def test_more_shards_than_partitions():
    """Some of them would share one."""
    assert names(project_shards="p=3") == []
    assert names(project_shards="p=4,q=2") == ["shards_exceed_partitions"]


def test_a_command_that_puts_it_right():
    """It can be pasted: it names Kafka, the topic and the setting."""
    [finding] = judged(a_topic(message_timestamp_type="CreateTime"))
    assert finding.command == (
        "kafka-configs.sh --bootstrap-server k:9092 --alter --entity-type topics --entity-name llm.events "
        "--add-config message.timestamp.type=LogAppendTime"
    )


def test_figures_are_told_in_units_for_people():
    """Days where days are meant, minutes where minutes are."""
    [finding] = judged(a_topic(retention_ms="7200000"))
    assert finding.what == "records are kept for 2 hours, and workers may be down for 24 hours (--outage-hours)"
    [finding] = judged(outage_seconds=8 * DAY)
    assert finding.what.startswith("records are kept for 7 days, and workers may be down for 8 days")
