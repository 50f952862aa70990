"""What is sent, and how is it kept? The load that a deployment is planned for, and how many of its names meet."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Load", "distinct"]


@dataclass(frozen=True, slots=True)
class Load:
    """A steady load: each project sends as much as any other, and of each name as much as of any other.

    Attributes:
        events_per_second: of all projects together, at the busiest hour.
        projects: that send.
        models: of each project, each at one provider.
        agents: of each project; each calls every model.
        tasks: task types of each agent.
        providers: of each project.
        failed_share: of the calls, from 0 to 1: errors, time-outs and rate limits, a third each.
        error_codes: that errors come with.
        event_bytes: of one event in the log.
        partitions: of the topic.
        shards: partitions that one project's events go to.
        largest_share: of all events, those of the largest project; 0 is an even share.
        hot_window_seconds: how long a bucket stays in memory after its beginning.
        dedup_window_seconds: how long an event_id is remembered.
        dedup_max_ids: most of them in one partition.
        flush_interval_seconds: between two flushes.
        max_names: of an hour of a project in one partition.
        max_dirty: rows that may wait to be stored, in one worker.
        rollup_days: that rollups are kept.
        events_days: that events are kept; 0 when they are not stored.
        log_days: that Kafka keeps the log.
        replication: copies of the log.
        margin: share of a core that a worker may use in the busiest hour, from 0 to 1.
    """

    events_per_second: float
    projects: int
    models: int
    agents: int = 1
    tasks: int = 1
    providers: int = 1
    failed_share: float = 0.03
    error_codes: int = 3
    event_bytes: int = 460
    partitions: int = 12
    shards: int = 1
    largest_share: float = 0.0
    hot_window_seconds: int = 7200
    dedup_window_seconds: int = 600
    dedup_max_ids: int = 2_000_000
    flush_interval_seconds: float = 2.0
    max_names: int = 2000
    max_dirty: int = 200_000
    rollup_days: int = 400
    events_days: int = 100
    log_days: int = 7
    replication: int = 3
    margin: float = 0.5

    @property
    def sources(self) -> int:
        """Pairs of project and partition: each has rows of its own."""
        return self.projects * min(self.shards, self.partitions)

    @property
    def names(self) -> int:
        """Combinations of model, agent and task that a project may use."""
        return self.models * self.agents * self.tasks

    @property
    def busiest_share(self) -> float:
        """Of all events, those in the fullest partition."""
        even = 1 / min(self.partitions, self.sources)
        fullest = math.ceil(self.sources / self.partitions) / self.sources  # when projects fall evenly
        return max(even, fullest, self.largest_share / min(self.shards, self.partitions))

    def calls(self, seconds: float) -> float:
        """Calls of one project in one partition in so many seconds."""
        return self.events_per_second * seconds / self.sources


def distinct(kinds: int, calls: float) -> float:
    """How many of so many equally frequent kinds are met on average, when calls come at random: so many of them."""
    return -kinds * math.expm1(-calls / kinds)
