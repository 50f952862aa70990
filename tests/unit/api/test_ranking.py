"""Which are the most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokentide.api.ranking import dearest_first, ranked


def test_most_first_and_ties_by_name():
    """Those without a count are left out, however many are asked for."""
    counts = {"b": 2, "a": 2, "c": 9, "d": 0}
    assert ranked(counts) == ["c", "a", "b"]
    assert ranked(counts, 2) == ["c", "a"]
    assert ranked({}, 2) == []


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 5)))
def test_the_order_of_the_counts_does_not_matter(counts):
    """The same counts have one ranking, and no later name has more."""
    names = ranked(counts)
    assert names == ranked(dict(reversed(counts.items())))
    assert [counts[name] for name in names] == sorted((counts[name] for name in names), reverse=True)


def test_dearest_first():
    """By cost, then by calls, then by name."""
    rows = [("b", 1, 5), ("a", 1, 5), ("c", 2, 5), ("d", 0, 9)]
    assert [name for name, _, _ in dearest_first(rows)] == ["d", "c", "a", "b"]
