"""How one timestamp, amount of money or identifier is read: one definition, used by the model and by the fast decoder.

Every function here is pure and total: a value that does not fit raises ValueError with words for the producer.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec

__all__ = ["MAX_COST_USD", "NANOS_PER_DOLLAR", "epoch_ms", "event_uuid", "label_text", "nanos"]

NANOS_PER_DOLLAR = 1_000_000_000
MAX_COST_USD = 999_999_999
"""The largest amount that a Decimal(18, 9) column can hold, in whole dollars."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_YEARS = range(1970, 2106)  # what a ClickHouse DateTime can hold in whole years
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)
_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_AMOUNT = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_NANO = Decimal("1e-9")
_EXACT_BELOW_USD = 2_000_000.0  # beyond, a double cannot hold a nano-dollar: 2^51 nanos


class _Seconds(dict[str, int]):
    """`2026-04-20T10:01:33.` → milliseconds since the epoch; the seconds that a stream is at are parsed once."""

    def __missing__(self, prefix: str) -> int:
        value = _parse(prefix + "000Z")
        if len(self) > 20_000:  # noqa: PLR2004  some hours; a stream is at a few at a time
            self.clear()
        self[prefix] = value
        return value


_SECONDS = _Seconds()
_MILLIS = {f"{ms:03}Z": ms for ms in range(1000)}


def epoch_ms(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 timestamp, cut (never rounded) to the millisecond.

    Raises:
        ValueError: not RFC 3339, without an offset, not on the calendar, or outside 1970 to 2105.
    """
    try:
        # The common form, 2026-04-20T10:01:33.000Z, is two look-ups.
        return _MILLIS[text[20:]] + _SECONDS[text[:20]]
    except (KeyError, ValueError):
        return _parse(text)


def nanos(amount: float | str | Decimal) -> int:
    """Whole nano-dollars of an amount in dollars; beyond nine places it is rounded half to even.

    Raises:
        ValueError: negative, larger than `MAX_COST_USD`, or a text that is no plain decimal number.
    """
    if isinstance(amount, float) and 0 <= amount < _EXACT_BELOW_USD:
        return round(amount * 1e9)
    if isinstance(amount, str) and not _AMOUNT.fullmatch(amount):
        raise ValueError("must be a decimal number, such as 0.0021")
    try:
        exact = Decimal(repr(amount) if isinstance(amount, float) else amount)
        if not 0 <= exact <= MAX_COST_USD:
            raise ValueError(f"must lie between 0 and {MAX_COST_USD}")
        return int(exact.quantize(_NANO, ROUND_HALF_EVEN).scaleb(9))
    except InvalidOperation as error:
        raise ValueError("must be a finite decimal number") from error


def event_uuid(text: str) -> UUID:
    """The UUID of its text, with or without hyphens, in either case.

    Raises:
        ValueError: any other text.
    """
    if not _UUID.fullmatch(text):
        raise ValueError("must be a UUID, such as 550e8400-e29b-41d4-a716-446655440020")
    return UUID(text)


def label_text(value: Any) -> str:
    """What a label's value is kept as: text as it is, anything else as its JSON text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _parse(text: str) -> int:
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError("must be RFC 3339 with an offset, such as 2026-04-20T10:01:33.000Z")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    millis = int((found[7] or "")[:3].ljust(3, "0"))
    try:
        moment = datetime(year, month, day, hour, minute, second, millis * 1000, tzinfo=_zone(found))
        value = (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is not on the calendar: {error}") from error
    if not (_EPOCH.replace(year=_YEARS.start) - _EPOCH) // _MILLISECOND <= value < _END_MS:
        raise ValueError(f"must lie in the years {_YEARS.start} to {_YEARS.stop - 1}")
    return value


_END_MS = (_EPOCH.replace(year=_YEARS.stop) - _EPOCH) // _MILLISECOND


def _zone(found: re.Match[str]) -> timezone:
    if found[8]:
        return UTC
    hours, minutes = int(found[10]), int(found[11])
    if hours > 23 or minutes > 59:  # noqa: PLR2004  a clock
        raise ValueError("the offset must lie between -23:59 and +23:59")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if found[9] == "-" else offset)
