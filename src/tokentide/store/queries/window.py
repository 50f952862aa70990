"""Which part of a window do rollups answer exactly, and which part is for the events table?"""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["NO_EVENTS", "Origin", "Split", "Window", "split"]

NO_EVENTS = 1 << 62
"""As the moment from which events are kept: never."""

_FIRST_MS = 0
_END_MS = 4_291_747_200_000  # 2106-01-01: no event lies outside, and a DateTime holds no later year as a whole


class Origin(enum.Flag):
    """Where an answer comes from; its name in lower case is what a caller is told."""

    ROLLUPS = 1
    EVENTS = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval of event time, [start_ms, end_ms), in milliseconds since the epoch, UTC."""

    start_ms: int
    end_ms: int

    @property
    def is_empty(self) -> bool:
        """Whether no moment lies in it."""
        return self.start_ms >= self.end_ms

    def within_years_of_events(self) -> Window:
        """The part in which an event can lie; the store's types hold no moment far outside of it."""
        return Window(min(max(self.start_ms, _FIRST_MS), _END_MS), min(max(self.end_ms, _FIRST_MS), _END_MS))


@dataclass(frozen=True, slots=True)
class Split:
    """A window in parts that do not overlap.

    Attributes:
        interior: whole buckets, for the rollup; may be empty.
        edges: parts of buckets, for the events table; none of them empty.
        widened: whether the interior reaches past the window, because no events are kept for an edge.
    """

    interior: Window
    edges: tuple[Window, ...]
    widened: bool

    @property
    def origin(self) -> Origin:
        """Which tables hold the parts; a window without any part is the rollup's."""
        if not self.edges:
            return Origin.ROLLUPS
        return Origin.EVENTS if self.interior.is_empty else Origin.BOTH


def split(window: Window, bucket_seconds: int, events_from_ms: int) -> Split:
    """Split a window at the outermost bucket borders in it.

    Args:
        window: what was asked.
        bucket_seconds: length of the rollup's buckets.
        events_from_ms: since when events are kept; an edge before that is widened to its bucket.
    """
    step_ms = bucket_seconds * 1000
    window = window.within_years_of_events()
    start_ms, end_ms = window.start_ms, window.end_ms
    low_ms, high_ms = -(-start_ms // step_ms) * step_ms, end_ms // step_ms * step_ms
    opening = Window(start_ms, min(low_ms, end_ms))
    closing = Window(max(high_ms, opening.end_ms), end_ms)
    edges = [edge for edge in (opening, closing) if not edge.is_empty]
    lost = [edge for edge in edges if edge.start_ms < events_from_ms]
    for edge in lost:
        bucket_ms = edge.start_ms // step_ms * step_ms
        low_ms, high_ms = min(low_ms, bucket_ms), max(high_ms, bucket_ms + step_ms)
    interior = Window(low_ms, max(low_ms, high_ms))
    return Split(interior, tuple(edge for edge in edges if edge not in lost), widened=bool(lost))
