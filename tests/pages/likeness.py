"""Is what a command printed what its page shows? Exactly, but for what another run on another day must change.

- `…` stands for anything within a line, and a line of `…` alone for any lines.
- A date, a time, a UUID, an access key, an id in hexadecimal and a letter's name stand for any other of the same form,
  and so does the port of an address on 127.0.0.1.
- Any white space is as good as other white space, and in JSON as none.

Everything else is compared as it stands: numbers above all. What a page calls an id, later commands of the page mean by
it, so they need to know which one it was here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["likened"]

_NAMES = {
    "uuid": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "key": r"(?:als|tti)_[\w-]{20,}",
    "id": r"\b[0-9a-f]{16,}\b",
    "letter": r"\b\d+:\d+:\d+\b",
}
"""What later commands may call by its name."""
_FORMS = {
    "millis": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}Z?",
    "seconds": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?",
    "minutes": r"\d{4}-\d\d-\d\d \d\d:\d\dZ",
    "day": r"\d{4}-\d\d-\d\d",
    "clock": r"\b\d\d:\d\d:\d\d\b",
    "port": r"(?<=127\.0\.0\.1:)\d+",
    **_NAMES,
}
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|\s+', re.DOTALL)
_TOKEN = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items()) + r"|…|\s+")


def likened(shown: str, printed: str) -> Mapping[str, str] | None:
    """Which name that a page shows stands for which that was printed; None when the texts are not alike."""
    shown, printed = shown.strip(), printed.strip()
    if shown.startswith(("{", "[")) and printed.startswith(("{", "[")):
        shown, printed = _packed(shown), _packed(printed)
    names: list[str] = []
    found = re.fullmatch(_pattern(shown, names), printed)
    return None if found is None else dict(reversed(list(zip(names, found.groups(), strict=True))))


def _packed(json: str) -> str:
    """JSON without the white space between its values."""
    return _JSON.sub(lambda found: "" if found[0].isspace() else found[0], json)


def _pattern(shown: str, names: list[str]) -> str:
    """What a text that is like the shown one matches; a group for each name, which are added to `names`."""
    pattern, loose = "", True
    for line in map(str.strip, shown.splitlines()):
        any_lines = line == "…"
        inside = r"(?s:.*?)" if any_lines else _of_line(line, names)
        pattern += (r"\s*" if any_lines or loose else r"\s+") + inside
        loose = any_lines
    return pattern + r"\s*"


def _of_line(line: str, names: list[str]) -> str:
    pattern, end = "", 0
    for found in _TOKEN.finditer(line):
        pattern += re.escape(line[end : found.start()]) + _of_token(found, names)
        end = found.end()
    return pattern + re.escape(line[end:])


def _of_token(found: re.Match[str], names: list[str]) -> str:
    kind = found.lastgroup
    if kind is None:
        return r"[^\n]*?" if found[0] == "…" else r"\s+"
    if kind not in _NAMES:
        return _FORMS[kind]
    names.append(found[0])
    return f"({_FORMS[kind]})"
