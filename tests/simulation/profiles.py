"""Which schedules make a rare thing frequent: for the rules that a random one hardly ever needs."""

from __future__ import annotations

from tests.oracle.rollups import OTHER
from tests.simulation.made_log import Shape
from tests.simulation.schedule import Profile

__all__ = ["PROFILES"]

_NOTHING = ("",)
_OF_DAYS = Shape(records=(10, 16), steps=(-600, 90, 150, 400), late=(0, 0, 700, 1500), repeats=0.1, one_bucket=True)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(),
        Profile(
            "nothing new",
            Shape(records=(6, 12), events=1, bad=0.5, repeats=0.8, back=2),
            turns=_NOTHING,
        ),
        Profile(
            "takeovers",
            Shape(records=(8, 14), one_bucket=True),
            join=2.0,
            kill=0.1,
            leave=0.1,
            produce=8.0,
            fetch=8.0,
            jump=5.0,
            steps=(150, 300),
            faults=(0.0, 0.05),
            streaks=(0.8, 0.95),
            turns=_NOTHING,
        ),
        Profile(
            "one hour",
            Shape(records=(10, 16), steps=(0, 1, 2), late=(0,), repeats=0.05, bad=0.05, one_bucket=True),
            kill=0.8,
            jump=5.0,
            steps=(150, 300),
            turns=_NOTHING,
        ),
        Profile(
            "ahead",
            Shape(records=(10, 16), steps=(0, 1, 2), late=(-9, -9, -5, 0), repeats=0.05, bad=0.05, one_bucket=True),
            kill=0.8,
            jump=5.0,
            steps=(150, 300),
            turns=_NOTHING,
        ),
        Profile(
            "repeats",
            Shape(records=(12, 18), steps=(3, 5), late=(0,), repeats=0.5, back=16, bad=0.05),
            kill=0.8,
            jump=5.0,
            steps=(150, 300),
            turns=_NOTHING,
        ),
        Profile(
            "clocks behind",
            Shape(records=(10, 16), steps=(-40, -20, 30, 60), late=(0,), repeats=0.3, back=10),
            kill=0.8,
            jump=5.0,
            steps=(150, 300),
            turns=_NOTHING,
        ),
        Profile(
            "rewound",
            Shape(records=(12, 18), steps=(10, 12, 20), late=(0,), repeats=0.5, back=20, bad=0.0, one_bucket=True),
            steps=(100, 160),
            jump=5.0,
            join=0.6,
            kill=0.2,
            turns=("reset",),
        ),
        Profile(
            "late",
            Shape(records=(10, 16), steps=(10, 60, 150), late=(0, 70, 130, 200), repeats=0.1, one_bucket=True),
            steps=(150, 300),
            answer=20.0,
            jump=6.0,
            join=0.6,
            kill=0.2,
            turns=_NOTHING,
        ),
        Profile(
            "days",
            _OF_DAYS,
            steps=(150, 300),
            jump=6.0,
            daily=8.0,
            turns=_NOTHING,
        ),
        Profile(
            "days of two lives",
            _OF_DAYS,
            steps=(60, 120),
            faults=(0.0, 0.05),
            jump=6.0,
            daily=12.0,
            turns=("recreate",),
        ),
        Profile(
            "old slices",
            Shape(records=(12, 18), steps=(10, 60, 150), late=(0, 200, 400), one_bucket=True),
            steps=(200, 350),
            faults=(0.0, 0.05),
            fetch=14.0,
            produce=10.0,
            join=2.0,
            kill=0.05,
            jump=5.0,
            streaks=(0.95,),
            turns=_NOTHING,
        ),
        Profile(
            "bugs",
            Shape(events=4, bad=0.05, repeats=0.05, one_bucket=True),
            bug=1.0,
            kill=0.1,
            steps=(150, 250),
            faults=(0.0,),
            turns=_NOTHING,
        ),
        Profile(
            "names",
            Shape(
                records=(10, 16),
                steps=(5, 10, 60, 150),
                late=(0, 0, 70, 130, 200),
                repeats=0.1,
                bad=0.05,
                models=("gpt-4o", "o4-mini", "m1", "m2", "m3", "m4", OTHER),
            ),
            steps=(150, 300),
            jump=6.0,
            kill=0.6,
            turns=("", "", "restore", "recreate"),
        ),
        Profile(
            "lagging",
            Shape(records=(10, 16), steps=(0, 1, 2), late=(0,), repeats=0.05, bad=0.05, one_bucket=True),
            kill=0.8,
            jump=5.0,
            steps=(150, 300),
            faults=(0.3,),
            lagging_rows=True,
            turns=_NOTHING,
        ),
    )
}
"""By name."""
