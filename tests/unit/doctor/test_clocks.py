"""What is found in clocks, from what can be known of them."""

from __future__ import annotations

import math

import pytest

from tokentide.doctor.judging.clocks import Clocks, Skew, judge_clocks
from tokentide.settings import Settings

NOW_MS = 1_000_000_000
SAME = Skew(-20, 30)


def told(clocks):
    return [(f.kind.name, f.where, f.what) for f in judge_clocks(Settings(), clocks, NOW_MS)]


@pytest.mark.parametrize(
    ("skew", "sure_ms"),
    [
        (Skew(-20, 30), 0),
        (Skew(0, 0), 0),
        (Skew(10, 30), 10),
        (Skew(-40, -30), -30),
        (Skew(-5000, math.inf), 0),
        (Skew(7, math.inf), 7),
    ],
)
def test_what_is_certain_of_a_skew(skew, sure_ms):
    """The time between question and answer is nobody's fault."""
    assert skew.sure_ms == sure_ms


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        (Clocks(SAME), []),
        (Clocks(SAME, (Skew(-3_600_000, math.inf), SAME), {0: NOW_MS, 1: None}), []),
        (Clocks(Skew(5000, 6000)), []),
        (Clocks(Skew(5001, 6000)), [("clock_store", "ClickHouse", "at least 5.0 seconds ahead of this machine")]),
        (Clocks(Skew(-9000, -8000)), [("clock_store", "ClickHouse", "at least 8.0 seconds behind this machine")]),
        (
            Clocks(SAME, (SAME, Skew(60_000, math.inf))),
            [("clock_kafka", "Kafka", "at least 60.0 seconds ahead of this machine")],
        ),
        (Clocks(SAME, (Skew(-9000, -7000),)), [("clock_kafka", "Kafka", "at least 7.0 seconds behind this machine")]),
        (Clocks(SAME, (), {0: NOW_MS + 5000}), []),
        (
            Clocks(SAME, (), {0: NOW_MS + 7000, 1: NOW_MS, 2: NOW_MS + 8000}),
            [("log_time_ahead", "llm.events[0,2]", "log time is 8 seconds ahead of this machine's clock")],
        ),
    ],
    ids=repr,
)
def test_clocks(clocks, expected):
    """Five seconds are borne, either way."""
    assert told(clocks) == expected
