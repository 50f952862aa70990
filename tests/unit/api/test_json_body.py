"""Bodies as bytes: what is JSON here, and what is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.json_body import MOST_LEVELS, parse_json
from tokentide.errors import QueryError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_is_read_as_it_is(value):
    """Any JSON value with finite numbers and whole texts is read unchanged."""
    try:
        text = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        text = json.dumps(value).encode()
        with pytest.raises(QueryError):
            parse_json(text)
    else:
        assert parse_json(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{}x",
        b"{'a': 1}",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e400",
        b"[-1e999]",
        b"9" * 400,
        b"-" + b"9" * 310,
        b"9" * 100_000,
        b'{"a": 1, "a": 1}',
        b'[{"a": {"b": 1, "b": 2}}]',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"[" * (MOST_LEVELS + 1) + b"]" * (MOST_LEVELS + 1),
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_json_leaves_open_is_refused(text):
    """Broken text, numbers that no double holds, repeated keys, half characters and deep nesting are refused."""
    with pytest.raises(QueryError) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200


def test_a_repeated_key_is_named():
    """The message says which key stands twice."""
    with pytest.raises(QueryError, match="filters stands twice") as caught:
        parse_json(b'{"filters": [], "filters": []}')
    assert caught.value.field == "filters"


def test_nesting_up_to_the_limit_is_read():
    """The deepest nesting allowed is read."""
    assert parse_json(b"[" * MOST_LEVELS + b"]" * MOST_LEVELS)
