"""Whether the brackets of a JSON text nest too deep, answered without recursion.

A parser that recurses gives up where its stack ends, and that depends on who called it. What a record holds must depend
on its bytes alone, so depth has a limit of its own, far below what any stack allows.
"""

from __future__ import annotations

import re
from itertools import accumulate

import numpy as np

__all__ = ["MAX_NESTING", "nests_too_deep"]

MAX_NESTING = 500
"""Deepest nesting of brackets in one event, its own included."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: no backtracking on hostile text
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = [1 if byte in b"[{" else -1 for byte in range(256)]
_SHORT_BYTES = 4096


def nests_too_deep(text: bytes, values: int = 1, levels: int = MAX_NESTING) -> bool:
    """Whether brackets nest deeper than the levels allow, in the part of the text that is JSON.

    Args:
        text: JSON values one after another; what is malformed may get any answer.
        values: so many objects stand in it side by side: the more, the quicker is the answer.
        levels: deepest nesting allowed.
    """
    if len(text) <= levels or _openers(text) < levels + values:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _ALL_BUT_BRACKETS)
    return any(depth > levels for depth in accumulate(map(_STEP.__getitem__, brackets)))


def _openers(text: bytes) -> int:
    """How many opening brackets there are, those in strings included."""
    if len(text) < _SHORT_BYTES:
        return text.count(b"{") + text.count(b"[")
    codes = np.frombuffer(text, np.uint8)  # bytes.count looks at one byte at a time
    return int(np.count_nonzero(codes == ord("{")) + np.count_nonzero(codes == ord("[")))
