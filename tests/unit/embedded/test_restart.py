"""When a part that died starts again."""

from __future__ import annotations

import pytest

from tokentide.embedded.restart import Life, RestartPolicy


def test_after_a_long_life_it_starts_at_once():
    """A part that ran well for a while is brought back without delay."""
    assert RestartPolicy().restart_at([Life(0.0, 60.0)]) == 60.0


@pytest.mark.parametrize(
    ("lives", "restart_at"),
    [
        # one short life: a second between the two starts
        ([Life(0.0, 0.1)], 1.0),
        # it lived for longer than that second: nothing left to wait
        ([Life(0.0, 3.0)], 3.0),
        # each short life doubles the distance between starts
        ([Life(0.0, 0.1), Life(1.0, 1.1)], 3.0),
        ([Life(0.0, 0.1), Life(1.0, 1.1), Life(3.0, 3.1)], 7.0),
        # up to ten seconds
        ([Life(float(at), at + 0.1) for at in range(16)], 25.0),
        # a long life in between: from the beginning
        ([Life(0.0, 0.1), Life(1.0, 60.0), Life(60.0, 60.5)], 61.0),
    ],
)
def test_after_short_lives_starts_are_kept_apart(lives, restart_at):
    """The distance between starts grows with each short life in a row, up to a bound."""
    assert RestartPolicy().restart_at(lives) == pytest.approx(restart_at)


def test_it_never_starts_before_it_died():
    """A start in the past is no start."""
    policy = RestartPolicy(short_life_seconds=100.0)
    assert policy.restart_at([Life(0.0, 50.0)]) == 50.0
