"""What is found in the reading of the topic: lag, progress, commits, epochs."""

from __future__ import annotations

import pytest

from tokentide.doctor.judging.group import Group, ReadPartition, judge_group
from tokentide.rollups import Position
from tokentide.settings import Settings

NOW_MS = 1_000_000_000


def a_partition(number=0, *, begin=0, end=10, committed=10, stored=10, epoch=0, waits_seconds=None, is_same=True):
    """A partition; `stored` None for one of which nothing was ever stored."""
    position = None if stored is None else Position(stored, epoch=epoch)
    since = None if waits_seconds is None else NOW_MS - round(waits_seconds * 1000)
    return ReadPartition(number, begin, end, committed, position, since, None if position is None else is_same)


def judged(*partitions, members=1, **settings):
    return judge_group(Settings(**settings), Group(members, partitions), NOW_MS)


def names(*partitions, **others):
    return [finding.kind.name for finding in judged(*partitions, **others)]


@pytest.mark.parametrize(
    "partition",
    [
        a_partition(),
        a_partition(begin=0, end=0, committed=0, stored=None),
        a_partition(begin=0, end=0, committed=None, stored=None),
        a_partition(committed=None),
        a_partition(committed=8),
        a_partition(begin=10),
        a_partition(begin=5, end=20, stored=10, waits_seconds=3),
        a_partition(end=5, stored=None, committed=None, waits_seconds=3),
    ],
    ids=repr,
)
def test_partitions_as_they_should_be(partition):
    """Stored up to the end or nearly; what is committed may lag, and the log may begin late."""
    assert names(partition) == []


@pytest.mark.parametrize(("members", "expected"), [(0, ["no_workers"]), (1, []), (2, []), (3, ["idle_workers"])])
def test_members(members, expected):
    """At least one, and at most as many as there are partitions."""
    assert names(a_partition(0), a_partition(1), members=members) == expected


@pytest.mark.parametrize(
    ("partition", "expected"),
    [
        (a_partition(end=20, waits_seconds=60), []),
        (a_partition(end=20, waits_seconds=61), ["lag"]),
        (a_partition(end=20, stored=None, committed=None, waits_seconds=61), ["progress_missing"]),
        (a_partition(begin=11, end=20, waits_seconds=1), ["records_lost"]),
        (a_partition(end=9), ["log_mismatch"]),
        (a_partition(is_same=False), ["log_mismatch"]),
        (a_partition(is_same=None), []),
        (a_partition(committed=11, end=20), ["commit_ahead"]),
        (a_partition(committed=1, stored=None, end=20), ["commit_ahead"]),
    ],
    ids=repr,
)
def test_what_a_partition_shows(partition, expected):
    """Each rule, on both sides of its border."""
    assert names(partition) == expected


def test_patience_follows_the_flush_interval():
    """Who flushes once a minute is not late after one."""
    waiting = a_partition(end=20, waits_seconds=599)
    assert names(waiting) == ["lag"]
    assert names(waiting, flush_interval_seconds=60) == []


@pytest.mark.parametrize(
    ("partition", "epoch", "expected"),
    [
        (a_partition(epoch=2), 1, ["epoch_lowered"]),
        (a_partition(epoch=1), 1, []),
        (a_partition(epoch=0, is_same=True), 1, ["epoch_raised"]),
        (a_partition(epoch=0, is_same=False), 1, []),
        (a_partition(epoch=0, end=3, is_same=None), 1, []),
    ],
    ids=repr,
)
def test_epochs(partition, epoch, expected):
    """A lower one than stored stops workers; a higher one on the same log would count everything again."""
    assert names(partition, topic_epoch=epoch) == expected


def test_partitions_are_told_together():
    """One finding of a kind, however many partitions show it, with what the first of them shows."""
    waiting = [a_partition(number, end=20 + number, waits_seconds=100) for number in (1, 4)]
    [finding] = judged(a_partition(0), *waiting, members=2, kafka="k:1", group="g")
    assert finding.where == "llm.events[1,4]"
    assert finding.what == "11 records wait, the first for 100 seconds (partition 1, and so on)"
    assert finding.command == "kafka-consumer-groups.sh --bootstrap-server k:1 --group g --describe"


def test_a_group_that_was_moved_can_be_set_back():
    """The command names group and topic."""
    [finding] = judged(a_partition(committed=11, end=20), kafka="k:1", group="g", topic="t")
    assert finding.command.endswith("--group g --topic t --reset-offsets --to-earliest --execute")
