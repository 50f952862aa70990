"""Does everything hold what the log says? Every difference, in words; the oracle shares no code with the fold."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from tests.simulation.made_log import EPOCH_SHIFT
from tests.simulation.stage import Stage
from tokentide.rollups import TABLES

__all__ = ["differences"]


def differences(stage: Stage) -> list[str]:
    """What is wrong at the end of a schedule, whose workers have stored everything."""
    return [
        *stage.tables.contradictions,
        *_rollups(stage),
        *_compared("events", stage.log.events(stage.life + 1), dict(_events(stage))),
        *_compared("progress", _wanted_progress(stage), dict(_progress(stage))),
        *_letters(stage),
        *stage.wrong_days,
        *_lines(stage),
    ]


def _compared(what: str, wanted: dict[Any, Any], got: dict[Any, Any]) -> Iterator[str]:
    if wanted == got:
        return
    for place in sorted(wanted.keys() | got.keys(), key=repr):
        expected, found = wanted.get(place, "nothing"), got.get(place, "nothing")
        if expected != found:
            yield f"{what} {place}: expected {expected}, found {found}"


def _rollups(stage: Stage) -> Iterator[str]:
    for table, told in stage.log.tables(stage.life + 1).items():
        names = next(each.measures for each in TABLES if each.name == table)
        held = stage.tables.rows[table].items()
        if table == "latency_1h":
            got = {key: _digests(measures) | {"version": version} for key, (version, measures) in held}
            wanted = {key: measures | _float32(measures) for key, measures in told.items()}
        else:
            wanted = told
            got = {
                key: dict(zip(names, measures, strict=True)) | {"version": version} for key, (version, measures) in held
            }
        yield from _compared(table, wanted, got)


def _float32(measures: dict[str, Any]) -> dict[str, list[float]]:
    return {name: _sorted_float32(measures[name]) for name in ("latency", "ttft")}


def _sorted_float32(values: list[float]) -> list[float]:
    return sorted(struct.unpack("f", struct.pack("f", value))[0] for value in values)


def _digests(measures: tuple[Any, ...]) -> dict[str, list[float]]:
    """The values that the digests stand for: those of a log this small hold every one (`sketch.EXACT_UP_TO`)."""
    means, weights, ttft_means, ttft_weights = measures
    return {"latency": _values(means, weights), "ttft": _values(ttft_means, ttft_weights)}


def _values(means: list[float], weights: list[int]) -> list[float]:
    return list(chain.from_iterable(map(repeat, means, weights)))


def _events(stage: Stage) -> Iterator[tuple[Any, Any]]:
    for key, row in stage.tables.events.items():
        yield key, (row["event_id"], row["status"], row["latency_ms"])


def _wanted_progress(stage: Stage) -> dict[int, Any]:
    life = stage.log.lives[stage.life]
    return {partition: (*life.last(partition), stage.life) for partition in stage.partitions}


def _progress(stage: Stage) -> Iterator[tuple[int, Any]]:
    for partition, (version, entry) in stage.tables.progress.items():
        at = entry.position
        yield partition, (at.offset, at.log_time_ms, at.record_time_ms, at.epoch)
        if version != at.epoch << EPOCH_SHIFT | at.offset:
            yield -1, f"progress of {partition} has version {version}"


def _letters(stage: Stage) -> Iterator[str]:
    """A letter may be there more than once, under the same origin: that is what identifies it."""
    wanted = frozenset().union(*(life.refused for life in stage.log.lives[: stage.life + 1]))
    got = {(each.partition, each.offset, each.refusal.index, each.refusal.raw) for each in stage.letters}
    yield from (f"dead letter {letter} is missing" for letter in wanted - got)
    yield from (f"dead letter {letter} was no bad line" for letter in got - wanted)


def _lines(stage: Stage) -> Iterator[str]:
    """Whatever a worker folds is an event, a duplicate, a dead letter or stored already, and its metrics say which."""
    for process in (*stage.gone, *stage.processes):
        in_log, in_metrics = process.lines_in_log(), process.lines_in_metrics()
        if in_log != in_metrics:
            yield f"{process.name} folded {in_log} lines, its metrics say {in_metrics}"
