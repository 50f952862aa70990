"""Whatever happens to workers, store and topic: in the end the store holds what the log says."""

from __future__ import annotations

import sys

import pytest

from tests.simulation.campaign import campaign
from tests.simulation.profiles import PROFILES
from tests.simulation.schedule import run

SCHEDULES = 10_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_schedules(capsys):
    """No schedule of crashes, zombies, late, partial and repeated inserts, rebalances and new lives goes wrong."""
    played = campaign(0, SCHEDULES)
    with capsys.disabled():
        sys.stdout.write(f"\n{played.report()}\n")
    assert played.findings == {}


@pytest.mark.parametrize("name", PROFILES)
def test_a_schedule_is_the_same_whenever_it_is_played(name):
    """The seed decides every step: a schedule that failed fails again."""
    first, again = [], []
    run(7, PROFILES[name], first.append)
    run(7, PROFILES[name], again.append)
    assert first == again != []
