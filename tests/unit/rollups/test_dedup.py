"""The duplicates window against an obvious one, and within its memory."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tokentide.rollups.dedup import DedupWindow

WINDOW_MS = 1000


class Identified(NamedTuple):
    """As much of an event as the window looks at."""

    project_id: str
    event_id: UUID


class Oracle:
    """Every occurrence, kept forever: an id is known when its latest one is recent, and few other ids came since."""

    def __init__(self, window_ms, max_ids):
        self.window_ms, self.max_ids = window_ms, max_ids
        self.occurrences = []
        self.now_ms = None

    def advance(self, time_ms):
        """Log time is the latest time so far."""
        self.now_ms = time_ms if self.now_ms is None else max(self.now_ms, time_ms)

    def known(self):
        """The ids that are known, most recently seen first."""
        recent = dict.fromkeys(
            identity for time_ms, identity in reversed(self.occurrences) if time_ms >= self.now_ms - self.window_ms
        )
        return list(recent)[: self.max_ids]

    def is_new(self, identity):
        """What the window must say."""
        new = identity not in self.known()
        self.occurrences.append((self.now_ms, identity))
        return new


identities = st.tuples(st.sampled_from("pq"), st.integers(0, 5))
steps_ms = st.sampled_from([0, 0, 1, 400, 999, 1000, 1001, 5000, -700])
records = st.lists(st.tuples(steps_ms, st.lists(identities, max_size=6)), max_size=25)


@given(records, st.sampled_from([0, 1, WINDOW_MS]), st.sampled_from([1, 2, 3, 100]))
def test_it_answers_like_the_obvious_one(records, window_ms, max_ids):
    """For every sequence of ids and times, an id is new exactly when the oracle says so; times that fall do nothing."""
    window, oracle, time_ms = DedupWindow(window_ms, max_ids), Oracle(window_ms, max_ids), 10_000
    for step_ms, ids in records:
        time_ms += step_ms
        window.advance(time_ms)
        oracle.advance(time_ms)
        assert len(window) == len(oracle.known())
        assert shown(window, ids) == [oracle.is_new(identity) for identity in ids]
        assert len(window) == len(oracle.known())


@given(records, st.sampled_from([1, 2, 3, 100]), st.integers(0, 25))
def test_re_reading_the_window_gives_the_same_set(records, max_ids, cut):
    """A window that saw only the stretch of the log that it covers answers like one that saw everything."""
    times_ms = []
    for step_ms, _ in records:
        times_ms.append((times_ms[-1] if times_ms else 10_000) + step_ms)
    whole = DedupWindow(WINDOW_MS, max_ids)
    log = list(zip(times_ms, [ids for _, ids in records], strict=True))
    for time_ms, ids in log[:cut]:
        feed(whole, time_ms, ids)
    again = DedupWindow(WINDOW_MS, max_ids)
    log_time_ms = max(times_ms[:cut], default=0)
    below = log[:cut]
    begin = next((at for at, (time_ms, _) in enumerate(below) if time_ms >= log_time_ms - WINDOW_MS), len(below))
    for time_ms, ids in below[begin:]:
        feed(again, time_ms, ids)
    for time_ms, ids in log[cut:]:
        assert feed(again, time_ms, ids) == feed(whole, time_ms, ids)


def feed(window, time_ms, ids):
    """Show a record to the window: which of its ids were new."""
    window.advance(time_ms)
    return shown(window, ids)


def shown(window, ids):
    """Show ids to the window: which of them were new."""
    repeats = window.repeats([Identified(project_id, UUID(int=number)) for project_id, number in ids])
    return [place not in repeats for place in range(len(ids))]


def test_the_last_millisecond_belongs_to_the_window():
    """Log time  0          1000       2001
    id 1      new        known      new
    """
    window = DedupWindow(WINDOW_MS, 10)
    assert [feed(window, time_ms, [("p", 1)]) for time_ms in (0, 1000, 2001)] == [[True], [False], [True]]


def test_each_occurrence_renews_an_id():
    """Log time  0      900    1800   2700   3701
    id 1      new    known  known  known  new
    """
    window = DedupWindow(WINDOW_MS, 10)
    times_ms = (0, 900, 1800, 2700, 3701)
    assert [feed(window, time_ms, [("p", 1)]) for time_ms in times_ms] == [[True], [False], [False], [False], [True]]


def test_an_id_belongs_to_its_project():
    """The same id in two projects is two ids."""
    window = DedupWindow(WINDOW_MS, 10)
    assert feed(window, 0, [("p", 1), ("q", 1), ("p", 1), ("q", 1)]) == [True, True, False, False]
    assert len(window) == 2


def test_the_least_recently_seen_id_goes_first():
    """When too many ids are known, the one that was not seen for longest is forgotten, whatever its project."""
    window = DedupWindow(WINDOW_MS, 2)
    assert feed(window, 0, [("p", 1), ("q", 2), ("p", 1), ("p", 3)]) == [True, True, False, True]
    assert feed(window, 0, [("p", 1), ("q", 2)]) == [False, True]


def test_dropping_repeats_keeps_the_times_of_the_others():
    """When repeats are dropped, every id still expires at its own time.

    log time  0     500              1001
    ids       1     3 2 2 2 2 2      1 is forgotten, 2 and 3 are known
    """
    window = DedupWindow(WINDOW_MS, 3)
    feed(window, 0, [("p", 1)])
    feed(window, 500, [("p", 3), *[("p", 2)] * 5])
    assert len(window._ids) == 3
    assert feed(window, 1001, [("p", 2), ("p", 3), ("p", 1)]) == [False, False, True]


def test_memory_is_bound_by_the_ids_not_by_their_repeats():
    """One event sent again and again, and log time that never stands still, leave no trace beyond the window."""
    window = DedupWindow(WINDOW_MS, 100)
    for time_ms in range(5000):
        feed(window, time_ms, [("p", number % 7) for number in range(10)])
    assert len(window) == 7
    assert len(window._ids) == len(window._projects) <= 200
    assert len(window._times) <= WINDOW_MS + 1
    for time_ms in (5000, 4999) * 2000:
        feed(window, time_ms, [])
    assert len(window._times) <= WINDOW_MS + 1
    window.advance(10_000)
    assert len(window) == len(window._ids) == 0
    assert window._latest == {}
