"""Rows, added up by name."""

from __future__ import annotations

from tokentide.api.sums import Sums, added, sums_by

MEASURES = ("requests", "failures")


def test_rows_of_one_key_are_added():
    """Keys come in the order of the rows, and dimensions that are no part of the key are summed over."""
    rows = [("x", "a", 1, 0), ("y", "b", 2, 1), ("z", "a", 4, 3)]
    assert sums_by(rows, MEASURES, key=lambda row: row[1]) == {
        "a": Sums(requests=5, failures=3),
        "b": Sums(requests=2, failures=1),
    }


def test_what_is_not_there_is_nothing():
    """Sums of nothing are 0, whatever the measure."""
    assert sums_by([], MEASURES, key=lambda row: row[0]) == {}
    assert added([])["requests"] == 0
    assert added([Sums(requests=1), Sums(requests=2)])["requests"] == 3
