"""Which version must a daily row have (G17)? The product's own, over hours that arrive in parts and out of order."""

from __future__ import annotations

import random

from tests.daily_tables import DailyTables, day_rows
from tokentide.rollups import USAGE
from tokentide.store import days

SEEDS = range(500)
HOURS = range(4)
DAY = 20_000
RECORDS = 5
KEY = ("p", "openai", "gpt-4o", "", "", 0)
NOTHING_ELSE = (0,) * (len(USAGE.measures) - 1)


def wrong_day(seed):
    """Hours move on with each record, some of them late; days are made and land at any time. What is wrong then."""
    chance = random.Random(seed)
    daily, hourly, on_the_way, rows = DailyTables(), {}, [], {}
    for version in range(1, RECORDS + 1):
        for hour in chance.sample(HOURS, k=chance.randint(1, 3)):  # the rows of one flush land one by one
            rows[hour] = rows.get(hour, 0) + chance.randint(1, 9)
            if chance.random() < 0.5:
                on_the_way.append(made(hourly))
            hourly["p", DAY * 86_400 + hour * 3600, *KEY[1:]] = version, (rows[hour], *NOTHING_ELSE)
            if on_the_way and chance.random() < 0.5:
                daily.insert("usage_1d", on_the_way.pop(chance.randrange(len(on_the_way))))
    on_the_way.append(made(hourly))
    chance.shuffle(on_the_way)
    for each in on_the_way:
        daily.insert("usage_1d", each)
    [(_, (requests, *_))] = daily.rows["usage_1d"].values()
    return None if requests == sum(rows.values()) else requests


def made(hourly):
    """The rows that the statement makes now."""
    return day_rows(USAGE, DAY, {0}, {"usage_1h": hourly})


def test_a_day_whose_version_is_the_sum_of_its_hours():
    """Whatever lands last, the row that stays is the one of all hours."""
    assert [seed for seed in SEEDS if wrong_day(seed) is not None] == []


def test_a_day_whose_version_is_the_highest_of_its_hours(monkeypatch):
    """Of a part of the hours and of all of them equal versions come, and the wrong row may stay."""
    monkeypatch.setattr(days, "VERSION", days.VERSION.replace("sum", "max"))
    assert any(wrong_day(seed) is not None for seed in SEEDS)
