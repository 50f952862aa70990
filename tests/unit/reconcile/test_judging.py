"""What is a difference, and what is not."""

from __future__ import annotations

from array import array
from collections import Counter
from random import Random

import pytest

from tokentide.reconcile.judging import count_differences, row_differences, unlike
from tokentide.reconcile.span import Span, kept_from_ms
from tokentide.rollups import RowState
from tokentide.rollups.sketch import Digest, compress
from tokentide.rollups.tables import ERRORS, LATENCY, RATE_LIMITS

KEY = ("p", 3600, "openai", "gpt-4o")


def limits(count, version=5, key=KEY):
    return {(RATE_LIMITS, key): RowState(key, (count,), version)}


@pytest.mark.parametrize(
    ("expected", "stored", "said"),
    [
        (limits(1), limits(1), []),
        (limits(1), limits(2), ["rate_limited is 2, should be 1"]),
        (limits(1), {}, ["the row is missing"]),
        ({}, limits(1), ["the log has nothing for this row"]),
        (limits(1, version=5), limits(1, version=4), ["version is 4, should be 5"]),
        (limits(1), limits(9, version=11), []),  # newer than the position: judged elsewhere
        ({}, limits(9, version=11), []),
    ],
)
def test_rows_up_to_the_position(expected, stored, said):
    """Each is exactly what the log comes to there."""
    assert [found.said for found in row_differences(expected, stored, through=10)] == said


def a_digest(values, cuts):
    digest, step = Digest(), len(values) // cuts
    for begin in range(0, len(values), step):
        packed = array("d", values[begin : begin + step]).tobytes()
        (digest,) = compress([digest], [packed])
    return digest.mean_list(), digest.weight_list()


@pytest.mark.parametrize("shape", ["even", "ties", "tail"])
@pytest.mark.parametrize("cuts", [2, 7, 50])
def test_digests_of_the_same_values_are_alike_however_they_were_cut(shape, cuts):
    """Where flushes cut is no difference: weights add up, and quantiles are near enough by rank."""
    rng = Random(cuts)
    draw = {
        "even": lambda: rng.uniform(1, 1000),
        "ties": lambda: rng.choice([1.0, 2.0, 900.0]),
        "tail": lambda: rng.paretovariate(1.1),
    }
    values = [draw[shape]() for _ in range(7000)]
    one, other = a_digest(values, 1), a_digest(values, cuts)
    assert unlike(LATENCY, (*one, [], []), (*other, [], [])) is None
    scaled = [mean * 1.5 for mean in other[0]], other[1]
    assert unlike(LATENCY, (*one, [], []), (*scaled, [], [])) is not None


def test_small_digests_are_compared_exactly():
    """Up to 128 values a digest holds each of them."""
    one = ([1.0, 2.0, 3.0], [1, 1, 1])
    assert unlike(LATENCY, (*one, [], []), (*one, [], [])) is None
    assert unlike(LATENCY, (*one, [], []), ([1.0, 2.0, 3.5], [1, 1, 1], [], [])) == "latency: holds other values"
    assert unlike(LATENCY, ([], [], *one), ([], [], [1.0], [2])) == "ttft: holds 2 values, should hold 3"


def test_other_measures_are_compared_exactly():
    """Each that differs is named."""
    assert unlike(ERRORS, (1, 2, "a"), (1, 3, "b")) == "last_seen_ms is 3, should be 2; last_event_id is b, should be a"


@pytest.mark.parametrize(
    ("stored", "version", "differs"),
    [(5, 10, False), (6, 10, True), (4, 10, True), (6, 11, False), (8, 11, False), (9, 11, True), (4, 11, True)],
)
def test_sums_over_newer_rows_lie_between_two_counts(stored, version, differs):
    """Exactly the count where no row is newer than the position, else between that and the newest row's."""
    low, high = {("errors_1h", 0): Counter(errors=5)}, {("errors_1h", 0): Counter(errors=8)}
    found = list(count_differences(low, high, {("errors_1h", 0): ({"errors": stored}, version)}, through=10))
    assert bool(found) == differs


def test_sums_that_are_missing_are_told():
    """An hour without rows, and one of which the log knows nothing."""
    found = list(count_differences({("events", 0): Counter(events=2)}, {}, {("events", 3600): ({"events": 3}, 0)}, 10))
    assert [one.said for one in found] == [
        "events: the rows add up to 0, the log has 2",
        "events: the rows add up to 3, the log has 0",
    ]


def test_spans_are_whole_hours():
    """Their part since a moment begins at the next full hour; rows near the end of their life are left out."""
    assert Span(0, 36_000).since(3_600_001) == Span(7200, 36_000)
    assert Span(0, 36_000).since(3_600_000) == Span(3600, 36_000)
    assert Span(7200, 36_000).before(3600).empty
    assert kept_from_ms(10 * 86_400_000, 9) == 86_400_000 + 3_600_000
