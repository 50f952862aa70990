"""What does a load need of each part, what is assumed for that, and what is out of reach?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tokentide.capacity.costs import COSTS
from tokentide.capacity.load import Load
from tokentide.capacity.rows import bucket_bytes, disk_bytes, rows_of_a_flush, rows_of_an_hour

__all__ = ["Figure", "Plan", "planned"]

_DAY = 86_400
_HOUR = 3600
_MOST_WORKER_BYTES = 4e9
_MOST_INSERTS = 20.0
"""An insert a second for each of so many is what a ClickHouse server merges at leisure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a plan.

    Attributes:
        part: of the deployment: worker, memory, rows, store or kafka.
        name: what it is.
        value: in `unit`.
        unit: of the value.
        assumes: what it was made from.
    """

    part: str
    name: str
    value: float
    unit: str
    assumes: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a load needs, and what of it does not fit."""

    load: Load
    figures: tuple[Figure, ...]
    warnings: tuple[str, ...]

    def value(self, name: str) -> float:
        """A figure's number, by its name."""
        return next(figure.value for figure in self.figures if figure.name == name)

    def as_object(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "load": asdict(self.load),
            "figures": [asdict(figure) for figure in self.figures],
            "warnings": list(self.warnings),
        }


def planned(load: Load) -> Plan:
    """What the load needs."""
    workers = max(1, math.ceil(load.events_per_second / (COSTS["core_events"].value * load.margin)))
    figures = (*_worker(load, workers), *_memory(load, workers), *_rows(load), *_store(load, workers), *_kafka(load))
    made = Plan(load, figures, ())
    return Plan(load, figures, tuple(_warnings(made, workers)))


def _worker(load: Load, workers: int) -> Iterator[Figure]:
    core = COSTS["core_events"].value
    yield Figure(
        "worker",
        "workers",
        workers,
        "processes",
        f"{core:,.0f} events/s a core, each used to {load.margin:.0%} at the busiest hour; one worker uses one core",
    )
    yield Figure(
        "worker",
        "cores used",
        load.events_per_second / core,
        "cores",
        "records of one event; of more, up to a third less",
    )
    yield Figure(
        "worker",
        "fullest partition",
        load.events_per_second * load.busiest_share,
        "events/s",
        f"{load.partitions} partitions, {min(load.shards, load.partitions)} for each project, who fall on them evenly",
    )


def _memory(load: Load, workers: int) -> Iterator[Figure]:
    hours = load.hot_window_seconds / _HOUR + 1
    buckets = bucket_bytes(load) * hours
    ids = min(load.events_per_second * load.dedup_window_seconds, float(load.dedup_max_ids * load.partitions))
    flush = 2 * (
        sum(rows_of_a_flush(load).values()) * COSTS["row_bytes"].value
        + (load.events_per_second * load.flush_interval_seconds * load.event_bytes if load.events_days else 0)
    )
    yield Figure(
        "memory",
        "open buckets",
        sum(rows_of_an_hour(load).values()) * hours,
        "buckets",
        f"{hours:.1f} hours of buckets are open: the hot window, and the hour that goes on",
    )
    yield Figure("memory", "bytes of buckets", buckets, "bytes", "by table; a latency bucket grows up to 220 calls")
    yield Figure(
        "memory",
        "bytes of ids",
        ids * COSTS["id_bytes"].value,
        "bytes",
        f"{load.dedup_window_seconds} s of events, at most {load.dedup_max_ids:,} ids in a partition",
    )
    yield Figure("memory", "bytes of rows under way", flush, "bytes", "two flushes: one waits while one is stored")
    yield Figure(
        "memory",
        "bytes of one worker",
        COSTS["base_bytes"].value + (buckets + ids * COSTS["id_bytes"].value + flush) / workers,
        "bytes",
        f"{COSTS['base_bytes'].value / 1e6:,.0f} MB without anything, and its share of the rest",
    )


def _rows(load: Load) -> Iterator[Figure]:
    for table, count in rows_of_an_hour(load).items():
        yield Figure(
            "rows", f"{table} rows a day", count * 24, "rows", "every hour is as the busiest one, all names alike"
        )


def _store(load: Load, workers: int) -> Iterator[Figure]:
    a_flush = rows_of_a_flush(load)
    touched = sum(min(1.0, count / workers) for count in a_flush.values()) + bool(load.events_days) + 1
    yield Figure(
        "store",
        "inserts",
        workers * touched / load.flush_interval_seconds,
        "inserts/s",
        f"one for each table that changed, events and progress, every {load.flush_interval_seconds:g} s a worker",
    )
    yield Figure(
        "store",
        "rows inserted",
        sum(a_flush.values()) / load.flush_interval_seconds + (load.events_per_second if load.events_days else 0),
        "rows/s",
        "a rollup row is inserted at each flush that changes it; merges leave the last one",
    )
    yield Figure(
        "store",
        "bytes of rollups",
        sum(disk_bytes(load).values()) * 24 * load.rollup_days,
        "bytes",
        f"{load.rollup_days} days, merged, one replica",
    )
    yield Figure(
        "store",
        "bytes of events",
        load.events_per_second * _DAY * load.events_days * COSTS["events_disk"].value,
        "bytes",
        f"{load.events_days} days, {COSTS['events_disk'].value:.0f} bytes an event, every hour as the busiest one",
    )


def _kafka(load: Load) -> Iterator[Figure]:
    bytes_a_second = load.events_per_second * load.event_bytes
    yield Figure("kafka", "bytes in", bytes_a_second, "bytes/s", f"{load.event_bytes} bytes an event, not compressed")
    yield Figure(
        "kafka", "bytes out", bytes_a_second * load.replication, "bytes/s", "one worker, and the other replicas"
    )
    yield Figure(
        "kafka",
        "bytes kept",
        bytes_a_second * _DAY * load.log_days * load.replication,
        "bytes",
        f"{load.log_days} days, {load.replication} replicas, every hour as the busiest one",
    )


def _warnings(plan: Plan, workers: int) -> Iterator[str]:
    load, core = plan.load, COSTS["core_events"].value
    if load.names > load.max_names:
        yield (
            f"a project has up to {load.names:,} names an hour, and {load.max_names:,} get rows in each partition "
            "(TOKENTIDE_MAX_NAMES_PER_HOUR): the rest is counted as __other__"
        )
    if plan.value("fullest partition") > core * load.margin:
        yield (
            f"the fullest partition has {plan.value('fullest partition'):,.0f} events/s, more than the share of one "
            "core: add partitions, and spread the largest projects (TOKENTIDE_PROJECT_SHARDS)"
        )
    if workers > load.partitions:
        yield f"{workers} workers share {load.partitions} partitions, and so {workers - load.partitions} stand idle"
    if load.projects < load.partitions and load.shards == 1:
        yield f"{load.projects} projects fill at most as many of {load.partitions} partitions, one each"
    if plan.value("bytes of one worker") > _MOST_WORKER_BYTES:
        yield "a worker would need more than 4 GB: run more of them, or shorten the hot or the duplicates window"
    per_partition = load.events_per_second * load.busiest_share * load.dedup_window_seconds
    if per_partition > load.dedup_max_ids:
        yield (
            f"the fullest partition brings {per_partition:,.0f} ids within the duplicates window, and "
            f"{load.dedup_max_ids:,} are remembered (TOKENTIDE_DEDUP_MAX_IDS): older repeats count again"
        )
    waiting = sum(rows_of_a_flush(load).values()) + load.events_per_second * load.flush_interval_seconds
    if waiting / workers > load.max_dirty / 2:
        yield (
            f"a flush has {waiting / workers:,.0f} rows a worker, and consumption pauses at {load.max_dirty:,} "
            "(TOKENTIDE_MAX_DIRTY_BUCKETS): flush more often, or raise it"
        )
    if plan.value("inserts") > _MOST_INSERTS:
        yield f"{plan.value('inserts'):,.0f} inserts a second are many for ClickHouse: lengthen the flush interval"
