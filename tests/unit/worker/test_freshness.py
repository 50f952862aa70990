"""Up to which moment a partition counts as stored."""

from __future__ import annotations

import pytest

from tokentide.rollups import Position
from tokentide.worker.freshness import Freshness


@pytest.mark.parametrize(
    ("known", "log_time_ms", "caught_up_ms", "moment"),
    [
        (0, None, None, 0),  # nothing is known
        (0, 5000, None, 4999),  # within that millisecond more may come
        (0, 5000, 9000, 8000),  # the log ends here: everything until a second ago is there
        (0, 5000, 5500, 4999),  # but never less than log time says
        (0, None, 9000, 8000),  # an empty partition is stored up to now
        (9999, 5000, 9000, 9999),  # what was said before stays true
    ],
)
def test_the_moment(known, log_time_ms, caught_up_ms, moment):
    """The latest of what was known, what log time says, and a second before the log was seen to end."""
    freshness = Freshness({0: known})
    assert freshness.of(0, Position(1, log_time_ms), caught_up_ms) == moment


def test_asking_for_a_moment_claims_nothing():
    """Only `raise_to` says that it is stored."""
    freshness = Freshness({0: 1000})
    freshness.of(0, Position(1, 50_000), None)
    assert freshness.age_seconds(61_000) == 60


def test_no_moment_falls():
    """A clock that was put back changes nothing."""
    freshness = Freshness({0: 1000})
    freshness.raise_to(0, 5000)
    freshness.raise_to(0, 4000)
    assert freshness.age_seconds(6000) == 1


def test_the_age_is_that_of_the_oldest_partition():
    """One that lags makes everything old; without any there is no age, and none is negative."""
    assert Freshness({0: 1000, 1: 9000}).age_seconds(11_000) == 10
    assert Freshness({}).age_seconds(11_000) == 0
    assert Freshness({0: 12_000}).age_seconds(11_000) == 0


def test_a_partition_that_was_never_heard_of():
    """It begins with what is said of it first."""
    freshness = Freshness({})
    freshness.raise_to(7, 3000)
    assert freshness.of(7, Position(), None) == 3000
