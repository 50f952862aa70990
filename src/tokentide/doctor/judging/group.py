"""Do workers read the topic, and does what they stored go together with its log?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tokentide.doctor.finding import Finding
from tokentide.doctor.kinds import found
from tokentide.rollups import Position
from tokentide.settings import Settings

__all__ = ["Group", "ReadPartition", "judge_group"]

_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ReadPartition:
    """A partition's log, and how far it was read.

    Attributes:
        number: of the partition.
        begin: the first offset that is still there.
        end: the next offset to be written.
        committed: the group's next offset; None when it never committed.
        position: how far it is stored; None when nothing was.
        unread_since_ms: the time of the first record that is not stored; None when there is none.
        is_same: whether the record before the position is still the one that was stored; None when it is gone.
    """

    number: int
    begin: int
    end: int
    committed: int | None
    position: Position | None
    unread_since_ms: int | None = None
    is_same: bool | None = None

    @property
    def stored(self) -> int:
        """The next offset to be stored."""
        return 0 if self.position is None else self.position.offset


@dataclass(frozen=True, slots=True)
class Group:
    """The consumer group: how many members it has, and the topic's partitions."""

    members: int
    partitions: tuple[ReadPartition, ...]


def judge_group(settings: Settings, group: Group, now_ms: int) -> list[Finding]:
    """What is wrong with the reading of the topic, one finding of a kind for all its partitions."""
    told: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for partition in group.partitions:
        for kind, what in _of_partition(partition, settings, now_ms):
            told[kind].append((partition.number, what))
    judged = list(_members(settings, group))
    for kind, places in told.items():
        numbers = ",".join(str(number) for number, _ in places)
        what = places[0][1] if len(places) == 1 else f"{places[0][1]} (partition {places[0][0]}, and so on)"
        judged.append(found(kind, f"{settings.topic}[{numbers}]", what, _command(kind, settings)))
    return judged


def _members(settings: Settings, group: Group) -> Iterator[Finding]:
    if group.members == 0:
        yield found("no_workers", f"group {settings.group}", "0 members", "tokentide worker")
    if group.members > len(group.partitions) > 0:
        what = f"{group.members} members, {len(group.partitions)} partitions"
        yield found("idle_workers", f"group {settings.group}", what)


def _of_partition(partition: ReadPartition, settings: Settings, now_ms: int) -> Iterator[tuple[str, str]]:
    position = partition.position
    if position is not None and position.epoch > settings.topic_epoch:
        yield "epoch_lowered", f"the store is at epoch {position.epoch}, the settings say {settings.topic_epoch}"
    elif position is not None and position.epoch < settings.topic_epoch:
        if partition.is_same:
            yield "epoch_raised", f"stored at epoch {position.epoch}, and the settings say {settings.topic_epoch}"
    else:
        yield from _contradictions(partition)
        yield from _waiting(partition, settings, now_ms)


def _contradictions(partition: ReadPartition) -> Iterator[tuple[str, str]]:
    stored = partition.stored
    if partition.end < stored:
        yield "log_mismatch", f"the log ends at offset {partition.end}, and is stored up to {stored}"
    elif partition.is_same is False:
        yield "log_mismatch", f"the record at offset {stored - 1} is not the one that was stored"
    elif 0 < stored < partition.begin:
        yield "records_lost", f"stored up to {stored}, and the log begins at {partition.begin}"
    if partition.committed is not None and partition.committed > stored:
        yield "commit_ahead", f"{partition.committed} is committed, and stored up to {stored}"


def _waiting(partition: ReadPartition, settings: Settings, now_ms: int) -> Iterator[tuple[str, str]]:
    if partition.unread_since_ms is None:
        return
    seconds = (now_ms - partition.unread_since_ms) / 1000
    if seconds <= max(_PATIENCE_SECONDS, 10 * settings.flush_interval_seconds):
        return
    records = partition.end - max(partition.stored, partition.begin)
    what = f"{records} records wait, the first for {seconds:.0f} seconds"
    yield "lag" if partition.position else "progress_missing", what


def _command(kind: str, settings: Settings) -> str:
    tool = f"kafka-consumer-groups.sh --bootstrap-server {settings.kafka} --group {settings.group}"
    commands = {
        "lag": f"{tool} --describe",
        "progress_missing": f"{tool} --describe",
        "commit_ahead": f"{tool} --topic {settings.topic} --reset-offsets --to-earliest --execute",
    }
    return commands.get(kind, "")
