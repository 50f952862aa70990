"""Windows, drawn above the assertions: `[` and `)` are the window, `|` are the borders of hours."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.store.queries.window import NO_EVENTS, Origin, Split, Window, split

HOUR = 3_600_000
LAST = 4_291_747_200_000  # 2106-01-01


def hours(*pairs):
    return tuple(Window(int(start * HOUR), int(end * HOUR)) for start, end in pairs)


@pytest.mark.parametrize(
    ("window", "interior", "edges"),
    [
        # |   [|    |  ) |
        ((0.5, 2.5), (1, 2), [(0.5, 1), (2, 2.5)]),
        # [|    |    )
        ((1, 3), (1, 3), []),
        # |  [ |    )
        ((0.5, 2), (1, 2), [(0.5, 1)]),
        # [    |  ) |
        ((1, 2.5), (1, 2), [(2, 2.5)]),
        # |  [ | )  |
        ((0.5, 1.5), (1, 1), [(0.5, 1), (1, 1.5)]),
        # | [ )  |
        ((0.25, 0.75), (1, 1), [(0.25, 0.75)]),
        # [ ) |
        ((1, 1.5), (1, 1), [(1, 1.5)]),
        # | [ )
        ((0.5, 1), (1, 1), [(0.5, 1)]),
    ],
)
def test_whole_hours_are_for_the_rollup_and_the_rest_for_the_events(window, interior, edges):
    """A window is cut at the outermost borders of buckets in it."""
    assert split(*hours(window), 3600, 0) == Split(*hours(interior), hours(*edges), widened=False)


@pytest.mark.parametrize(
    ("window", "events_from", "interior", "edges"),
    [
        ((0.5, 2.5), 3, (0, 3), []),
        ((0.25, 0.75), 3, (0, 1), []),
        ((0.5, 1.5), 3, (0, 2), []),
        ((0.5, 2.5), 1, (0, 2), [(2, 2.5)]),
        ((0.5, 1.5), 1, (0, 1), [(1, 1.5)]),
        ((0.5, 2.5), 0.6, (0, 2), [(2, 2.5)]),
    ],
)
def test_an_edge_without_events_is_widened_to_its_bucket(window, events_from, interior, edges):
    """Where the events of an edge are not kept, its whole bucket is taken, and the split says so."""
    found = split(*hours(window), 3600, int(events_from * HOUR))
    assert found == Split(*hours(interior), hours(*edges), widened=True)


def test_whole_hours_need_no_events():
    """A window of whole buckets is exact without an events table."""
    assert split(*hours((1, 3)), 3600, NO_EVENTS) == Split(*hours((1, 3)), (), widened=False)


@pytest.mark.parametrize(
    "window", [Window(5, 5), Window(7, 5), Window(-9, -5), Window(LAST + 5, LAST + 9), Window(-5, 0)]
)
def test_an_empty_window_holds_nothing(window):
    """A window without a moment in which an event can lie has neither buckets nor edges, and is not widened."""
    found = split(window, 3600, NO_EVENTS)
    assert (found.interior.is_empty, found.edges, found.widened) == (True, (), False)


@pytest.mark.parametrize(
    ("window", "origin"),
    [((1, 3), Origin.ROLLUPS), ((1, 3.5), Origin.BOTH), ((1.2, 1.5), Origin.EVENTS), ((1, 1), Origin.ROLLUPS)],
)
def test_the_parts_tell_which_tables_are_asked(window, origin):
    """Whole buckets are the rollup's, edges the events', and nothing at all is the rollup's."""
    assert split(*hours(window), 3600, 0).origin is origin


def test_bounds_outside_of_all_events_are_cut():
    """The store is only asked for times that its types can hold."""
    assert split(Window(-(10**14), 10**14), 3600, 0) == Split(Window(0, LAST), (), widened=False)


@given(st.integers(0, 9 * HOUR), st.integers(0, 9 * HOUR), st.sampled_from([60, 300, 3600]), st.integers(0, 10 * HOUR))
def test_the_parts_make_up_the_window(start, length, bucket_seconds, events_from):
    """Interior and edges never overlap, together are the window, and reach past it only when they say so."""
    window = Window(start, start + length)
    found = split(window, bucket_seconds, events_from)
    assert found.interior.start_ms % (bucket_seconds * 1000) == found.interior.end_ms % (bucket_seconds * 1000) == 0
    assert all(edge.start_ms >= events_from and not edge.is_empty for edge in found.edges)
    parts = sorted((part.start_ms, part.end_ms) for part in (found.interior, *found.edges) if not part.is_empty)
    if not window.is_empty:
        assert all(before[1] == after[0] for before, after in itertools.pairwise(parts))
        covered = Window(parts[0][0], parts[-1][1])
        assert covered.start_ms <= window.start_ms
        assert covered.end_ms >= window.end_ms
        assert (covered != window) == found.widened
