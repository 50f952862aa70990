"""A plan is arithmetic: it grows as its load does, counts as a brute force counts, and says what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.capacity import Load, planned
from tokentide.capacity.costs import COSTS
from tokentide.capacity.load import distinct
from tokentide.capacity.report import lines
from tokentide.capacity.rows import rows_of_a_flush, rows_of_an_hour
from tokentide.rollups import TABLES

SMALL = Load(events_per_second=100, projects=12, models=3)

loads = st.builds(
    Load,
    events_per_second=st.floats(0.01, 1e6),
    projects=st.integers(1, 5000),
    models=st.integers(1, 5000),
    agents=st.integers(1, 50),
    tasks=st.integers(1, 9),
    providers=st.integers(1, 9),
    failed_share=st.floats(0, 1),
    partitions=st.integers(1, 200),
    shards=st.integers(1, 20),
    largest_share=st.floats(0, 1),
    dedup_window_seconds=st.integers(0, 7200),
    flush_interval_seconds=st.floats(0.1, 60),
    events_days=st.integers(0, 100),
)


@pytest.mark.parametrize(("kinds", "calls"), [(1, 0.2), (1, 5), (3, 2), (10, 10), (60, 15), (300, 1000)])
def test_how_many_kinds_are_met(kinds, calls):
    """The formula gives what drawing gives, on average."""
    chance = np.random.default_rng(1)
    met = [len(set(chance.integers(kinds, size=count))) for count in chance.poisson(calls, 2000)]
    assert distinct(kinds, calls) == pytest.approx(sum(met) / len(met), rel=0.05)


@given(loads)
def test_every_load_has_a_plan(load):
    """No load is too small or too large: every figure is a number that is not below nothing, and has its assumption."""
    plan = planned(load)
    assert all(figure.value >= 0 and figure.assumes and figure.unit for figure in plan.figures)
    names = [figure.name for figure in plan.figures]
    assert len(set(names)) == len(names)
    assert list(lines(plan))


@given(loads)
def test_a_flush_has_no_more_rows_than_calls_or_than_an_hour(load):
    """A row that changes has a call that changed it, and is one of the rows of its hour."""
    hour, flush = rows_of_an_hour(load), rows_of_a_flush(load)
    assert hour.keys() == flush.keys() == {table.name for table in TABLES}
    calls = load.events_per_second * load.flush_interval_seconds
    assert all(flush[table] <= hour[table] * (1 + 1e-9) for table in hour)
    most = 3 if load.names > load.max_names else 1  # the shared rows are counted besides
    assert all(count <= calls * most * (1 + 1e-6) for count in flush.values())


@given(loads)
def test_more_events_need_no_less(load):
    """Twice as many events make no figure smaller, but the share of one worker."""
    once, twice = planned(load), planned(replace(load, events_per_second=load.events_per_second * 2))
    for figure in once.figures:
        if figure.name != "bytes of one worker":
            assert twice.value(figure.name) >= figure.value * (1 - 1e-9), figure.name


def test_workers_follow_the_measured_rate():
    """A worker is planned for its share of a core, and another begins where that ends."""
    core = COSTS["core_events"].value
    assert planned(replace(SMALL, events_per_second=core * 0.49)).value("workers") == 1
    assert planned(replace(SMALL, events_per_second=core * 0.51)).value("workers") == 2
    assert planned(replace(SMALL, events_per_second=core * 0.51, margin=1.0)).value("workers") == 1


def test_rows_of_a_busy_hour_are_all_there_can_be():
    """When every name is met, an hour has each once, each provider twelve times, each limited model sixty times."""
    load = Load(events_per_second=1e6, projects=12, models=3, agents=2, tasks=5, failed_share=0.3)
    assert {table: round(count) for table, count in rows_of_an_hour(load).items()} == {
        "usage_1h": 12 * 3 * 2 * 5,
        "latency_1h": 12 * 3,
        "errors_1h": 12 * 3 * (3 + 2),
        "rate_limits_1m": 12 * 3 * 60,
        "provider_health_5m": 12 * 12,
    }


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (replace(SMALL, models=500, agents=5), "a project has up to 2,500 names an hour, and 2,000 get rows"),
        (replace(SMALL, events_per_second=200_000, largest_share=0.6), "the fullest partition has 120,000 events/s"),
        (replace(SMALL, events_per_second=2e6), "44 workers share 12 partitions"),
        (replace(SMALL, projects=3), "3 projects fill at most as many of 12 partitions"),
        (replace(SMALL, events_per_second=40_000, margin=1.0, dedup_window_seconds=7200), "more than 4 GB"),
        (replace(SMALL, events_per_second=100_000), "ids within the duplicates window"),
        (replace(SMALL, events_per_second=40_000, flush_interval_seconds=10), "consumption pauses at 200,000"),
        (replace(SMALL, flush_interval_seconds=0.1), "inserts a second are many for ClickHouse"),
    ],
)
def test_what_is_out_of_reach_is_said(load, said):
    """Each limit that a load passes has its warning, and says what to do; a load that fits has none."""
    assert planned(SMALL).warnings == ()
    assert any(said in warning for warning in planned(load).warnings)


def test_the_cap_bounds_the_rows():
    """However many names a project invents, an hour has the cap of them and a row for each provider."""
    rows = rows_of_an_hour(replace(SMALL, models=10**6, projects=1, events_per_second=1e6, providers=2))
    assert rows["usage_1h"] == pytest.approx(2002)
    assert rows["errors_1h"] <= 2 * 2002


def test_shards_multiply_rows_and_divide_the_largest_project():
    """A project in four partitions has four times the rows, and a quarter of its events in each."""
    one = replace(SMALL, events_per_second=10_000, largest_share=0.5)
    four = replace(one, shards=4)
    assert planned(four).value("usage_1h rows a day") == pytest.approx(4 * planned(one).value("usage_1h rows a day"))
    assert planned(four).value("fullest partition") == pytest.approx(planned(one).value("fullest partition") / 4)


def test_costs_say_where_they_were_measured():
    """A number without its measurement is a guess."""
    assert all(cost.value > 0 and cost.measured and cost.of for cost in COSTS.values())
    assert {table.name for table in TABLES} <= COSTS.keys()
