"""Which projects do refused bytes name? As far as it can be read: the bytes need not be JSON, nor even text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

__all__ = ["projects_in"]

_SHOWN = 8
_NAMED = re.compile(rb'"project_id"\s*:\s*("(?:[^"\\\x00-\x1f]|\\.){0,512}")')


class _Event(msgspec.Struct):
    project_id: str


_one = msgspec.json.Decoder(_Event).decode
_many = msgspec.json.Decoder(list[_Event]).decode
_lines = msgspec.json.Decoder(_Event).decode_lines
_string = msgspec.json.Decoder(str).decode


def projects_in(raw: bytes) -> tuple[str, ...]:
    """The first few project ids, each once, in the order in which they are named.

    Events that can be read are asked for theirs; in bytes that cannot, whatever looks like one counts.
    """
    for read in (_one_event, _many, _lines):
        try:
            return _first(event.project_id for event in read(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return _first(_texts(raw))


def _one_event(raw: bytes) -> list[_Event]:
    return [_one(raw)]


def _texts(raw: bytes) -> Iterator[str]:
    for found in _NAMED.finditer(raw):
        try:
            yield _string(found[1])
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


def _first(projects: Iterator[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for project in projects:
        found[project] = None
        if len(found) == _SHOWN:
            break
    return tuple(found)
