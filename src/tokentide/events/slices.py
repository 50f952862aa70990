"""Reading many records at once: the same as reading each, at less cost when each holds one event."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from tokentide.events.decode import Decoded, Limits, decode, decode_settled

__all__ = ["decode_slice"]

_TOGETHER = 50  # one refused event makes so many records be read one by one
_FIRST = (0,)
_FIRST_BYTE, _LAST_BYTE = itemgetter(0), itemgetter(-1)
_OPEN, _CLOSE = set(b"{"), set(b"}")


def decode_slice(values: Sequence[bytes | None], times_ms: Sequence[int], limits: Limits) -> list[Decoded]:
    """What each record holds; equal to `decode` of each.

    Args:
        values: the records' bytes.
        times_ms: the records' timestamps.
        limits: sizes and ages that are allowed.
    """
    decoded: list[Decoded] = []
    for begin in range(0, len(values), _TOGETHER):
        some, times = values[begin : begin + _TOGETHER], times_ms[begin : begin + _TOGETHER]
        decoded += _singles(some, times, limits) or [
            decode(value, time_ms, limits) for value, time_ms in zip(some, times, strict=True)
        ]
    return decoded


def _singles(values: Sequence[bytes | None], times_ms: Sequence[int], limits: Limits) -> list[Decoded] | None:
    """The records read as one text, when each is one object on one line; None when any of them may not be."""
    joined = _one_text(values, limits.max_record_bytes)
    if joined is None:
        return None
    # An event that suits the oldest and the newest of the records suits them all.
    events = decode_settled(joined, min(times_ms), max(times_ms), limits)
    if events is None or len(events) != len(values):
        return None
    return [Decoded([event], _FIRST) for event in events]


def _one_text(values: Sequence[bytes | None], max_bytes: int) -> bytes | None:
    """The records as lines of one text, when no JSON value in it can span two of them; else None.

    So it is when the only line ends are those between records, and each of these stands between a "}" and a "{": inside
    a JSON value, nothing but a comma can come between the two, and a string holds no line end.
    """
    given = [value for value in values if value]
    if len(given) < len(values) or max(map(len, given)) > max_bytes:
        return None
    if set(map(_FIRST_BYTE, given)) != _OPEN or set(map(_LAST_BYTE, given)) != _CLOSE:
        return None
    joined = b"\n".join(given)
    return joined if joined.count(b"\n") == len(values) - 1 else None
