"""How dead letters are shown, to people and to machines. Whatever was refused, no byte of it reaches a terminal raw."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from tokentide.dead.ledger import Ledger
from tokentide.dead.letter import Letter
from tokentide.dead.replay import Outcome, Result
from tokentide.plural import counted
from tokentide.settings import Settings

__all__ = ["as_object", "described", "listed", "readable", "result_object", "told", "totals", "whole_object"]

_WIDEST_DETAIL = 60
_KEPT = "\n\t"


def readable(raw: bytes) -> str:
    r"""The bytes as text that a terminal may show: what is no printable UTF-8 is escaped, as \xff or \u202e."""
    text = raw.decode(errors="backslashreplace")
    return "".join(
        sign if sign.isprintable() or sign in _KEPT else sign.encode("unicode_escape").decode() for sign in text
    )


def as_object(letter: Letter, ledger: Ledger) -> dict[str, Any]:
    """One letter as JSON, without its bytes."""
    id_, last, source = letter.id, ledger.last_attempt(letter.id), ledger.replay_of(letter.id)
    sent = None if last is None else last[1].sent
    return {
        "id": str(id_),
        "topic": id_.topic,
        "partition": id_.partition,
        "offset": id_.offset,
        "index": id_.index,
        "time": _moment(id_.record_time_ms),
        "reason": letter.reason,
        "detail": letter.detail,
        "projects": list(letter.projects),
        "bytes": letter.size,
        "cut": letter.cut,
        "state": "waiting" if last is None else "begun" if sent is None else "replayed",
        "attempts": 0 if last is None else last[0],
        "replayed_to": None if sent is None else str(sent.to),
        "replayed_at": None if sent is None else _moment(sent.at_ms),
        "replay_of": None if source is None else str(source),
    }


def whole_object(letter: Letter, ledger: Ledger, raw: bytes) -> dict[str, Any]:
    """One letter as JSON, with its bytes: exactly, and as text."""
    return as_object(letter, ledger) | {"raw_base64": base64.b64encode(raw).decode(), "text": readable(raw)}


def listed(letters: Sequence[Letter], ledger: Ledger) -> Table:
    """Letters as a table."""
    table = Table("letter", "time", "reason", "projects", "bytes", "replay", "detail", box=None, pad_edge=False)
    for letter in letters:
        one = as_object(letter, ledger)
        detail = readable(letter.detail.encode()).replace("\n", " ")
        cells = (one["id"], one["time"], letter.reason, ", ".join(letter.projects) or "-", f"{letter.size:,}")
        short = detail if len(detail) <= _WIDEST_DETAIL else f"{detail[:_WIDEST_DETAIL]}…"
        table.add_row(*(Text(readable(cell.encode())) for cell in (*cells, _story(one), short)))
    return table


def totals(letters: Sequence[Letter], shown: int) -> str:
    """How many there are, by reason."""
    if not letters:
        return "no dead letters"
    reasons = Counter(letter.reason for letter in letters)
    by_reason = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common())
    more = "" if shown == len(letters) else f"; the newest {shown:,} are shown, --limit shows more"
    return f"{counted(len(letters), 'dead letter')}: {by_reason}{more}"


def described(letter: Letter, ledger: Ledger, raw: bytes) -> str:
    """One letter with its bytes, for people."""
    one = as_object(letter, ledger)
    event = "the whole record" if letter.id.index is None else f"event {letter.id.index} of the record"
    size = f"{letter.size:,}" + (f", of which the first {len(raw):,} are here" if len(raw) < letter.size else "")
    rows = {
        "letter": one["id"],
        "from": f"{letter.id.topic}[{letter.id.partition}], offset {letter.id.offset}, {event}",
        "time": one["time"],
        "reason": f"{letter.reason}: {letter.detail}",
        "projects": ", ".join(letter.projects) or "-",
        "bytes": size,
        "replay": _story(one),
    }
    head = "\n".join(f"{name:<10}{readable(text.encode())}" for name, text in rows.items())
    return f"{head}\n\n{readable(raw)}\n"


def told(result: Result, ledger: Ledger, settings: Settings) -> str:
    """What became of a letter, in a sentence."""
    letter, outcome, to = result
    topic, ripe_ms = settings.topic, letter.id.record_time_ms + settings.dedup_window_seconds * 1000
    nothing = "nothing was sent; --again sends it once more"
    words = {
        Outcome.SENT: f"sent, as {to}",
        Outcome.FINISHED: f"an earlier replay of it was begun and is finished now, as {to}",
        Outcome.ALREADY: f"was replayed already, as {to}: {nothing}",
        Outcome.ELSEWHERE: "another run is replaying it: nothing was sent",
        Outcome.REFUSED_AGAIN: f"is a replay of {ledger.replay_of(letter.id)} that was refused again: {nothing}",
        Outcome.OTHER_TOPIC: f"came from topic {letter.id.topic}, and TOKENTIDE_TOPIC is {topic}: nothing was sent",
        Outcome.CUT: f"holds only the beginning of {letter.size:,} bytes, and the log lost the rest: nothing was sent",
        Outcome.TOO_LARGE: f"topic {topic} does not take {letter.size:,} bytes: raise its max.message.bytes",
        Outcome.UNKNOWN: "an earlier replay of it was begun, and the log no longer tells whether it arrived: "
        + nothing,
        Outcome.TOO_EARLY: f"would be taken for a duplicate of itself until {_moment(ripe_ms)}: nothing was sent",
    }
    return f"{letter.id}  {letter.reason}  {words[outcome]}"


def result_object(result: Result, ledger: Ledger, settings: Settings) -> dict[str, Any]:
    """The same as JSON."""
    to = None if result.to is None else str(result.to)
    said = told(result, ledger, settings)
    return {"id": str(result.letter.id), "outcome": str(result.outcome), "replayed_to": to, "said": said}


def _story(one: dict[str, Any]) -> str:
    parts = [f"of {one['replay_of']}"] if one["replay_of"] else []
    if one["state"] != "waiting":
        parts.append(f"as {one['replayed_to']}" if one["replayed_to"] else "begun")
    return ", ".join(parts) or "-"


def _moment(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
