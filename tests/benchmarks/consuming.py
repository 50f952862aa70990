"""B2, B3, B4, B5, B11: how many events the worker folds in a CPU second, beside its peers."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.benchmarks.consumers import Rate, bare_client, quix_sum, stock_faust, worker, workers
from tests.benchmarks.figures import Figure, quotient
from tests.benchmarks.place import Place

__all__ = ["Sizes", "batched_records", "scaling", "single_events", "with_events_table"]

BATCH = 100


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        repetitions: of ours and of each reference, in turns.
        events: that ours folds.
        stock_events: that a stock Faust agent counts, which is slower.
        quix_events: that Quix Streams sums.
    """

    repetitions: int
    events: int
    stock_events: int
    quix_events: int


def batched_records(place: Place, sizes: Sizes) -> Iterator[Figure]:
    """B2: records of 100 events, against a stock Faust agent that only counts single ones, and does nothing else."""
    ours_topic, stock_topic = place.topic(3 * sizes.events, BATCH), place.topic(sizes.stock_events, 1)
    late = []

    def ours() -> float:
        rate = worker(place, ours_topic, 3 * sizes.events // BATCH)
        late.append(100 * rate.late_turns)
        return _events(rate, BATCH)

    def stock() -> float:
        return stock_faust(place, stock_topic, sizes.stock_events).per_cpu_second

    yield from _rate_and_ratio("B2", _in_turns(sizes.repetitions, ours, stock), 300_000, 18)
    yield Figure("B2", "late", round(statistics.median(late), 2), "%", reference_name="turns > 50 ms late", runs=late)


def single_events(place: Place, sizes: Sizes) -> Iterator[Figure]:
    """B3 against a stock Faust agent, B5 against Quix Streams; and the ceiling, which nothing is asked of."""
    topic, few = place.topic(sizes.events, 1), place.topic(sizes.stock_events, 1)
    quix_topic = place.topic(sizes.quix_events, 1)
    rows = list(
        zip(
            *_in_turns(
                sizes.repetitions,
                lambda: worker(place, topic, sizes.events).per_cpu_second,
                lambda: stock_faust(place, few, sizes.stock_events).per_cpu_second,
                lambda: quix_sum(place, quix_topic, sizes.quix_events).per_cpu_second,
                lambda: bare_client(place, topic, sizes.events).per_cpu_second,
            ),
            strict=True,
        )
    )
    ours, stock, quix, bare = rows
    yield from _rate_and_ratio("B3", list(zip(ours, stock, strict=True)), 150_000, 9)
    yield quotient("B5", "ratio", list(zip(ours, quix, strict=True)), "Quix Streams, tumbling sum", 2.5)
    ceiling = statistics.median(bare)
    yield Figure("B3", "ceiling", round(ceiling), "/s", reference_name="aiokafka getmany, counts only", runs=bare)


def with_events_table(place: Place, sizes: Sizes) -> Iterator[Figure]:
    """B4: records of 100 events, each event kept as a row."""
    topic = place.topic(sizes.events, BATCH)
    runs = [
        _events(worker(place, topic, sizes.events // BATCH, events_table=True), BATCH) for _ in range(sizes.repetitions)
    ]
    yield Figure("B4", "rate", round(statistics.median(runs)), "/s", 100_000, runs=runs)


def scaling(place: Place, sizes: Sizes) -> Iterator[Figure]:
    """B11: what two workers fold in a CPU second of each, added up, against one."""
    topic = place.topic(sizes.events, 1)
    pairs = _in_turns(
        sizes.repetitions,
        lambda: 2 * workers(place, topic, sizes.events, number=2).per_cpu_second,
        lambda: worker(place, topic, sizes.events).per_cpu_second,
    )
    yield quotient("B11", "ratio", pairs, "one worker", 1.8)


def _rate_and_ratio(name: str, pairs: Sequence[tuple[float, ...]], rate: float, ratio: float) -> Iterator[Figure]:
    ours = [pair[0] for pair in pairs]
    yield Figure(name, "rate", round(statistics.median(ours)), "/s", rate, runs=ours)
    yield quotient(name, "ratio", [(pair[0], pair[1]) for pair in pairs], "stock Faust agent", ratio)


def _in_turns(repetitions: int, *sides: Callable[[], float]) -> list[tuple[float, ...]]:
    """Measure each side once, then each again: what else the machine does meets all of them."""
    return [tuple(side() for side in sides) for _ in range(repetitions)]


def _events(rate: Rate, of_a_record: int) -> float:
    return rate.per_cpu_second * of_a_record
