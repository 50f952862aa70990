"""A sliding window, drawn as the times at which a session asks."""

from __future__ import annotations

import pytest

from tokentide.api.limits import SlidingWindow


def test_a_session_may_ask_so_often_in_any_minute():
    """The request that would be one too many waits until the oldest has left the window, not for a clock's minute."""
    window = SlidingWindow()
    assert [window.wait_seconds("s", 3, now) for now in (50.0, 55.0, 59.0)] == [0, 0, 0]
    assert window.wait_seconds("s", 3, 61.0) == 49.0
    assert window.wait_seconds("s", 3, 109.99) == pytest.approx(0.01)
    assert window.wait_seconds("s", 3, 110.0) == 0
    assert window.wait_seconds("s", 3, 110.0) == 5.0


def test_refused_requests_do_not_count():
    """Who keeps asking while refused is served as soon as who waits."""
    window = SlidingWindow()
    window.wait_seconds("s", 1, 0.0)
    assert all(window.wait_seconds("s", 1, now) > 0 for now in (10.0, 20.0, 59.9))
    assert window.wait_seconds("s", 1, 60.0) == 0


def test_sessions_do_not_share_a_window():
    """One session's requests leave another's alone."""
    window = SlidingWindow()
    assert window.wait_seconds("a", 1, 0.0) == 0
    assert window.wait_seconds("b", 1, 0.0) == 0


def test_idle_sessions_are_forgotten():
    """Memory is bounded by the sessions of a minute, not by those of a process's life."""
    window = SlidingWindow()
    for number in range(10_001):
        window.wait_seconds(f"old {number}", 1, 0.0)
    window.wait_seconds("new", 1, 100.0)
    assert len(window._granted) == 1
