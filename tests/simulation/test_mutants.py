"""Would the simulation notice? It must find every mutant, and nothing where there is none."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.profiles import PROFILES
from tests.simulation.schedule import run

SEEDS = range(1000)
SEEDS_WITHOUT = range(100)


def first_found(profile, shows):
    """The first seed whose schedule goes wrong in this way."""
    return next((seed for seed in SEEDS if any(each.startswith(shows) for each in run(seed, profile))), None)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_found(mutant, monkeypatch):
    """Without the mechanism a schedule goes wrong as the rule says; with it the same one goes well."""
    profile = PROFILES[mutant.profile]
    mutant.take_away(monkeypatch)
    seed = first_found(profile, mutant.shows)
    monkeypatch.undo()
    assert seed is not None
    assert run(seed, profile) == []


def test_every_rule_has_its_mutant():
    """G1 to G11, G15, G18 and the cap on names; G17 is held in test_daily.py."""
    assert {mutant.rule for mutant in MUTANTS} == {*(f"G{number}" for number in range(1, 12)), "G15", "G18", "names"}


@pytest.mark.parametrize("name", [name for name in PROFILES if name not in {"any", "lagging"}])
def test_the_schedules_of_the_mutants_go_well_without_them(name):
    """What is made to find mutants finds nothing in the code as it is."""
    assert {seed: found for seed in SEEDS_WITHOUT if (found := run(seed, PROFILES[name]))} == {}


def test_rows_of_a_replica_that_lags():
    """Sequential consistency of the reads (G14) is needed: rows that are older than progress go wrong."""
    assert first_found(PROFILES["lagging"], "usage_1h") is not None
