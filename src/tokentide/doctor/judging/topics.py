"""Are the topics there, safe, and such that the guarantee holds on them?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tokentide.doctor.finding import Finding
from tokentide.doctor.kinds import found
from tokentide.settings import Settings
from tokentide.shards import parse_shards

__all__ = ["Cluster", "Partition", "Topic", "judge_topics"]

_NO_LEADER = -1
_FOR_EVER = -1


@dataclass(frozen=True, slots=True)
class Partition:
    """Where a partition is: its leader (-1 for none), how many replicas it has, and how many are in sync."""

    number: int
    leader: int
    replicas: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that is there, and the values of its settings that hold, by Kafka's names."""

    name: str
    partitions: tuple[Partition, ...]
    settings: Mapping[str, str]

    def number(self, setting: str, default: int) -> int:
        """The value of a setting that is a whole number."""
        return int(self.settings.get(setting) or default)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Kafka: its address as set, how many brokers are up, and the topics that are there, by name."""

    address: str
    brokers: int
    topics: Mapping[str, Topic]


def judge_topics(settings: Settings, cluster: Cluster, outage_seconds: int) -> list[Finding]:
    """What is wrong with the topics.

    Args:
        settings: of the workers.
        cluster: as Kafka told.
        outage_seconds: how long workers may be down without a loss.
    """
    names = [settings.topic, settings.dead_topic]
    missing = [name for name in names if name not in cluster.topics]
    judged = [
        found("topic_missing", name, f"Kafka at {cluster.address} has no such topic", "tokentide migrate")
        for name in missing
    ]
    for topic in (cluster.topics[name] for name in names if name not in missing):
        judged += _replication(topic, cluster)
        judged += _compacted(topic, cluster)
    events, dead = (cluster.topics.get(name) for name in names)
    if events:
        judged += _events(events, settings, cluster, outage_seconds)
    if events and dead:
        judged += _letters(dead, events, cluster)
    return judged


def _replication(topic: Topic, cluster: Cluster) -> Iterator[Finding]:
    least = topic.number("min.insync.replicas", 1)
    several = [p for p in topic.partitions if p.replicas > 1]
    ill: tuple[tuple[str, Callable[[Partition], bool], str], ...] = (
        ("partition_offline", lambda p: p.leader == _NO_LEADER, "no leader"),
        (
            "partition_refuses_writes",
            lambda p: p.leader != _NO_LEADER and p.in_sync < least,
            f"fewer than {least} replicas in sync",
        ),
        (
            "replicas_out_of_sync",
            lambda p: p.leader != _NO_LEADER and least <= p.in_sync < p.replicas,
            "not all replicas in sync",
        ),
        (
            "topic_not_replicated",
            lambda p: p.replicas == 1 < cluster.brokers,
            f"one replica, of {cluster.brokers} brokers",
        ),
    )
    for kind, is_ill, what in ill:
        numbers = [p.number for p in topic.partitions if is_ill(p)]
        if numbers:
            command = f"{_tool('topics', cluster)} --describe --topic {topic.name}"
            yield found(kind, f"{topic.name}[{_listed(numbers)}]", f"{what}: {len(numbers)} partitions", command)
    if several and least == 1:
        what = f"{several[0].replicas} replicas, and an acknowledgement waits for 1"
        yield found("one_copy_acknowledged", topic.name, what, _set(topic, cluster, "min.insync.replicas=2"))
    if several and topic.settings.get("unclean.leader.election.enable") == "true":
        command = _set(topic, cluster, "unclean.leader.election.enable=false")
        yield found("unclean_election", topic.name, "unclean.leader.election.enable=true", command)


def _compacted(topic: Topic, cluster: Cluster) -> Iterator[Finding]:
    policy = topic.settings.get("cleanup.policy", "delete")
    if "compact" in policy:
        yield found(
            "topic_compacted", topic.name, f"cleanup.policy={policy}", _set(topic, cluster, "cleanup.policy=delete")
        )


def _events(topic: Topic, settings: Settings, cluster: Cluster, outage_seconds: int) -> Iterator[Finding]:
    times = topic.settings.get("message.timestamp.type", "CreateTime")
    if times != "LogAppendTime":
        command = _set(topic, cluster, "message.timestamp.type=LogAppendTime")
        yield found("producer_times", topic.name, f"message.timestamp.type={times}", command)
    yield from _retention(topic, settings, cluster, outage_seconds)
    largest = topic.number("max.message.bytes", settings.max_record_bytes)
    if largest < settings.max_record_bytes:
        what = f"max.message.bytes={largest}, TOKENTIDE_MAX_RECORD_BYTES={settings.max_record_bytes}"
        command = _set(topic, cluster, f"max.message.bytes={settings.max_record_bytes + 65536}")
        yield found("topic_takes_less", topic.name, what, command)
    for project, shards in parse_shards(settings.project_shards).items():
        if shards > len(topic.partitions):
            what = f"project {project} has {shards} shards, the topic {len(topic.partitions)} partitions"
            yield found("shards_exceed_partitions", "TOKENTIDE_PROJECT_SHARDS", what)


def _retention(topic: Topic, settings: Settings, cluster: Cluster, outage_seconds: int) -> Iterator[Finding]:
    kept_ms = topic.number("retention.ms", _FOR_EVER)
    week = _set(topic, cluster, "retention.ms=604800000")
    if kept_ms != _FOR_EVER:
        kept = f"records are kept for {_duration(kept_ms // 1000)}"
        if kept_ms < settings.dedup_window_seconds * 1000:
            what = f"{kept}, TOKENTIDE_DEDUP_WINDOW_SECONDS={settings.dedup_window_seconds}"
            yield found("retention_below_window", topic.name, what, week)
        if kept_ms < outage_seconds * 1000:
            what = f"{kept}, and workers may be down for {_duration(outage_seconds)} (--outage-hours)"
            yield found("retention_below_outage", topic.name, what, week)
    size = topic.number("retention.bytes", _FOR_EVER)
    if size != _FOR_EVER:
        command = _set(topic, cluster, "retention.bytes=-1")
        yield found("retention_by_size", topic.name, f"retention.bytes={size} for each partition", command)


def _letters(dead: Topic, events: Topic, cluster: Cluster) -> Iterator[Finding]:
    kept, of_events = dead.number("retention.ms", _FOR_EVER), events.number("retention.ms", _FOR_EVER)
    if kept != _FOR_EVER and (of_events == _FOR_EVER or kept < of_events):
        longer = "for ever" if of_events == _FOR_EVER else f"for {_duration(of_events // 1000)}"
        what = f"letters are kept for {_duration(kept // 1000)}, records {longer}"
        command = _set(dead, cluster, f"retention.ms={max(of_events, 2_592_000_000)}")
        yield found("dead_retention_short", dead.name, what, command)
    largest, of_events = dead.number("max.message.bytes", 0), events.number("max.message.bytes", 0)
    if largest < of_events:
        what = f"max.message.bytes={largest}, that of {events.name} is {of_events}"
        yield found("dead_letters_cut", dead.name, what, _set(dead, cluster, "max.message.bytes=67108864"))


def _set(topic: Topic, cluster: Cluster, setting: str) -> str:
    return f"{_tool('configs', cluster)} --alter --entity-type topics --entity-name {topic.name} --add-config {setting}"


def _tool(name: str, cluster: Cluster) -> str:
    return f"kafka-{name}.sh --bootstrap-server {cluster.address}"


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _duration(seconds: int) -> str:
    """In the largest unit that tells it in whole or half ones."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} seconds"
