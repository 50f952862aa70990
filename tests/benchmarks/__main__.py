"""All figures, each beside its reference on the same machine in the same call.

    python -m tests.benchmarks [--short] [--only B2,B3] [--json FILE]

Prints a table and writes `bench-results.json`. Exit code 0 when everything was measured, 1 when something was not:
whether what is asked was reached stands in the table.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.benchmarks.consuming import Sizes, batched_records, scaling, single_events, with_events_table
from tests.benchmarks.engine import against_the_engine
from tests.benchmarks.figures import Figure, MissingFigure, show, write
from tests.benchmarks.freshness import produced_to_answered
from tests.benchmarks.gateway import gateway_requests
from tests.benchmarks.percentiles import merged_digests
from tests.benchmarks.place import Place, a_place
from tests.benchmarks.read_api import answers
from tests.benchmarks.state import loading_and_memory

FULL = Sizes(repetitions=5, events=150_000, stock_events=30_000, quix_events=50_000)
SHORT = Sizes(repetitions=1, events=100_000, stock_events=20_000, quix_events=20_000)

Measured = Iterator[Figure | MissingFigure]


def measurements(place: Place, *, short: bool) -> Iterable[tuple[str, Callable[[], Measured]]]:
    """Every group of figures, under the ids that it measures."""
    sizes = SHORT if short else FULL
    return [
        ("B1", lambda: against_the_engine(place.folder.path, sizes.events, sizes.repetitions)),
        ("B2", lambda: batched_records(place, sizes)),
        ("B3 B5", lambda: single_events(place, sizes)),
        ("B4", lambda: with_events_table(place, sizes)),
        ("B6", lambda: produced_to_answered(place, 10 if short else 100)),
        ("B7 B8", lambda: loading_and_memory(place, sizes.repetitions)),
        ("B9", lambda: answers(short=short)),
        ("B10", lambda: merged_digests(place, 1 if short else 5)),
        ("B11", lambda: scaling(place, sizes)),
        ("B12 B13", lambda: gateway_requests(place, 1.5 if short else 6)),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="less of everything, to see that it works")
    parser.add_argument("--only", default="", help="ids, with commas between them")
    parser.add_argument("--json", type=Path, default=Path("bench-results.json"))
    asked = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    only, began, found = set(filter(None, asked.only.split(","))), time.monotonic(), []
    with a_place() as place:
        for ids, measure in measurements(place, short=asked.short):
            if not only or only & set(ids.split()):
                print(f"{time.monotonic() - began:5.0f} s  measuring {ids}", file=sys.stderr, flush=True)
                found += _measured(ids, measure)
    show(found)
    write(asked.json, "short" if asked.short else "full", time.monotonic() - began, found)
    return int(any(isinstance(figure, MissingFigure) for figure in found))


def _measured(ids: str, measure: Callable[[], Measured]) -> list[Figure | MissingFigure]:
    """The figures; one that fails costs only its group."""
    found: list[Figure | MissingFigure] = []
    try:
        found.extend(measure())
    except Exception as error:  # noqa: BLE001  said in the table, and in the exit code
        found += [MissingFigure(name, f"{type(error).__name__}: {error}") for name in ids.split()]
    return found


if __name__ == "__main__":
    sys.exit(main())
