"""How accepted lines are put together into records: NDJSON, one key each, neither too many events nor too large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tokentide.ingest.lines import Accepted

__all__ = ["EVENTS_PER_RECORD", "Batch", "batches"]

EVENTS_PER_RECORD = 100


class Batch(NamedTuple):
    """One record: its key, its value, and how many events that holds."""

    key: bytes
    value: bytes
    events: int


def batches(accepted: Iterable[Accepted], max_bytes: int, max_events: int = EVENTS_PER_RECORD) -> Iterator[Batch]:
    """Records of the lines; those of one key stay in order.

    Args:
        accepted: the lines; none is longer than `max_bytes`.
        max_bytes: size of the largest value.
        max_events: how many events a record holds at most.
    """
    open_records: dict[bytes, list[bytes]] = {}
    sizes: dict[bytes, int] = {}
    for key, body in accepted:
        lines = open_records.setdefault(key, [])
        if lines and (len(lines) == max_events or sizes[key] + 1 + len(body) > max_bytes):
            yield _closed(key, lines)
            lines.clear()
        sizes[key] = sizes[key] + 1 + len(body) if lines else len(body)
        lines.append(body)
    for key, lines in open_records.items():
        yield _closed(key, lines)


def _closed(key: bytes, lines: list[bytes]) -> Batch:
    return Batch(key, b"\n".join(lines), len(lines))
