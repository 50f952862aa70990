"""Which version must a daily row have (G17)? Held in a model of the statement, see `daily.py`."""

from __future__ import annotations

import random

from tests.simulation import daily

SEEDS = range(500)
HOURS = range(4)
RECORDS = 5


def wrong_day(seed):
    """Hours move on with each record, some of them late; days are computed and land at any time. What is wrong then."""
    chance = random.Random(seed)
    table, hourly, on_the_way = daily.DailyTable(), {}, []
    rows = {}
    for version in range(1, RECORDS + 1):
        touched = chance.sample(HOURS, k=chance.randint(1, 3))
        for hour in touched:  # the rows of one flush land one by one, with the version of its last record
            rows[hour] = rows.get(hour, 0) + chance.randint(1, 9)
            if chance.random() < 0.5:
                on_the_way.append(table.select(hourly))
            hourly["p", hour * 3600, "openai", "gpt-4o", 0] = version, (rows[hour],)
            if on_the_way and chance.random() < 0.5:
                table.insert(on_the_way.pop(chance.randrange(len(on_the_way))))
    on_the_way.append(table.select(hourly))
    chance.shuffle(on_the_way)
    for each in on_the_way:
        table.insert(each)
    ((_, (requests,)),) = table.rows.values()
    return None if requests == sum(rows.values()) else requests


def test_a_day_whose_version_is_the_sum_of_its_hours():
    """Whatever lands last, the row that stays is the one of all hours."""
    assert [seed for seed in SEEDS if wrong_day(seed) is not None] == []


def test_a_day_whose_version_is_the_highest_of_its_hours(monkeypatch):
    """Of a part of the hours and of all of them equal versions come, and the wrong row may stay."""
    monkeypatch.setattr(daily, "daily_version", max)
    assert any(wrong_day(seed) is not None for seed in SEEDS)
