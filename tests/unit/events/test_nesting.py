"""Depth is counted without recursion, exactly, and quickly on hostile text."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.events.nesting import MAX_NESTING, nests_too_deep


def depth(value):
    """How deep a JSON value nests, by recursion."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((depth(inner) for inner in (value.values() if isinstance(value, dict) else value)), default=0)


brackets = st.text('[]{}"\\:, é', max_size=8)
values = st.recursive(
    brackets | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(brackets, inner, max_size=4),
    max_leaves=30,
)


@given(values, st.booleans())
def test_depth_is_exact(value, ascii_only):
    """A value is too deep for one level less than it has, and for no more; brackets in strings do not count."""
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert not nests_too_deep(text, levels=depth(value))
    assert depth(value) == 0 or nests_too_deep(text, levels=depth(value) - 1)


@given(st.lists(values.filter(lambda value: isinstance(value, dict)), min_size=1, max_size=5))
def test_depth_of_lines_is_that_of_the_deepest(objects):
    """Of values side by side the deepest counts; to say how many there are changes nothing."""
    text = "\n".join(json.dumps(value) for value in objects).encode()
    deepest = max(depth(value) for value in objects)
    for levels in range(deepest + 2):
        assert nests_too_deep(text, len(objects), levels) == nests_too_deep(text, 1, levels) == (deepest > levels)


def test_long_texts_are_counted_like_short_ones():
    """The way brackets are counted depends on the length, the answer does not."""
    for padding in (0, 10_000):
        for levels, too_deep in ((MAX_NESTING, False), (MAX_NESTING + 1, True)):
            text = b"[" * levels + b'"' + b"x" * padding + b'"' + b"]" * levels
            assert nests_too_deep(text) == too_deep


@pytest.mark.parametrize(
    "text",
    [
        b'"' + b'\\"' * 500_000,
        b'"\\' * 300_000,
        b"[" * 1_000_000,
        b"]" * 500_000 + b"[" * 500_000,
        b"{}" * 500_000,
        b'"' * 600 + b"[" * 600 + b"\\",
        b"\\" * 1_000_000 + b"[" * 600,
    ],
)
def test_hostile_text_takes_no_longer(text):
    """A megabyte made to be slow takes time in proportion to its length."""
    begin = time.perf_counter()
    nests_too_deep(text)
    assert time.perf_counter() - begin < 2
