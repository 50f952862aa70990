"""Does the business dashboard work? Each of its questions on a real ClickHouse engine, as Grafana would ask it."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.folded import HOUR_MS, HOURS, START_MS, fold_into, made_up_events
from tests.store_fixtures import migrated
from tokentide.store.port import Query

DASHBOARD = Path(__file__).parents[2] / "deploy/grafana/dashboards/business.json"
BOARD = json.loads(DASHBOARD.read_text(encoding="utf-8"))
PANELS = {panel["title"]: panel for panel in BOARD["panels"] if panel["type"] != "row"}
VARIABLES = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
MODELS = ["claude", "gpt-4o", "it's"]
STEP_SECONDS = 3600
NUMBER = r"(Nullable\()?(U?Int\d+|Float\d+|Decimal\(\d+, \d+\))\)?"
TEXT = r"(LowCardinality\()?String\)?"
ANYTHING = rf"{NUMBER}|{TEXT}|UUID|DateTime.*"


@pytest.fixture(scope="module")
def store(chdb_store_root):
    """Made-up events of projects p and q; how far they are stored."""
    with migrated(chdb_store_root) as opened:
        fold_into(opened, made_up_events(13, 900))
        progress = ("topic", "partition", "through_ms", "version")
        opened.insert("progress", progress, [["llm.events"], [0], [START_MS], [1]])
        yield opened


def as_asked(sql, start_ms=START_MS, end_ms=START_MS + HOURS * HOUR_MS):
    """The SQL as the data source sends it: its macros and the dashboard's variables filled in."""
    begin, end = (f"toDateTime({moment // 1000})" for moment in (start_ms, end_ms))
    quoted = {"project": "'p'", "model": ",".join("'" + model.replace("'", "''") + "'" for model in MODELS)}
    sql = re.sub(r"\$__timeFilter\(([\w.]+)\)", rf"(\1 >= {begin} AND \1 <= {end})", sql)
    sql = re.sub(
        r"\$__timeInterval\((\w+)\)", rf"toStartOfInterval(toDateTime(\1), INTERVAL {STEP_SECONDS} second)", sql
    )
    sql = sql.replace("$__fromTime", begin).replace("$__toTime", end).replace("$__interval_s", str(STEP_SECONDS))
    sql = re.sub(r"\$\{(\w+):sqlstring\}", lambda found: quoted[found[1]], sql)
    assert "$" not in sql, sql
    return sql


def ask(store, sql):
    """The rows, and the type of each column by its name."""
    types = {row[0]: row[1] for row in store.ask(Query("types", f"DESCRIBE ({sql})"))}
    return store.ask(Query("panel", sql)), types


def sql_of(title):
    (target,) = PANELS[title]["targets"]
    return target["rawSql"]


@pytest.mark.parametrize("title", PANELS)
def test_a_panel_gets_the_columns_that_it_draws(store, title):
    """Its SQL runs, answers something, and has the types that its kind of panel needs."""
    panel = PANELS[title]
    rows, types = ask(store, as_asked(sql_of(title)))
    assert rows
    columns = list(types)
    if panel["targets"][0]["format"] == 0:  # a time series: its time first, at most one label, and numbers
        assert columns[0] == "time"
        assert types["time"].startswith("DateTime")
        labels = [name for name in columns[1:] if re.fullmatch(TEXT, types[name])]
        assert len(labels) <= 1
        assert all(re.fullmatch(NUMBER, types[name]) for name in columns[1:] if name not in labels), types
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    elif panel["type"] == "stat":
        assert (len(rows), len(columns)) == (1, 1)
        assert re.fullmatch(NUMBER, types[columns[0]])
    else:
        assert all(re.fullmatch(ANYTHING, kind) for kind in types.values()), types
    assert not any(isinstance(value, float) and math.isnan(value) for row in rows for value in row)
    named = [override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]]
    assert set(named) <= set(columns)


@pytest.mark.parametrize("title", [title for title in PANELS if PANELS[title]["type"] == "stat"])
def test_an_empty_window_shows_no_nonsense(store, title):
    """Before the first call a figure is nought or nothing, and not a division by it."""
    rows, _ = ask(store, as_asked(sql_of(title), START_MS - 5 * HOUR_MS, START_MS - HOUR_MS))
    assert all(value is None or math.isfinite(value) for row in rows for value in row)


def test_variables_list_projects_and_models(store):
    """Whoever opens the dashboard can choose among what there is in its window."""
    assert ask(store, as_asked(VARIABLES["project"]["query"]))[0] == [("p",), ("q",)]
    assert ask(store, as_asked(VARIABLES["model"]["query"]))[0] == [(model,) for model in MODELS]


def test_figures_agree_with_each_other(store):
    """The cards, the series and the tables add up to the same requests and dollars."""
    ((requests,),) = ask(store, as_asked(sql_of("Requests")))[0]
    ((cost,),) = ask(store, as_asked(sql_of("Cost")))[0]
    by_model = ask(store, as_asked(sql_of("What models cost")))[0]
    assert sum(row[2] for row in by_model) == requests > 100
    assert sum(row[3] for row in by_model) == cost > Decimal(1)
    ended = ask(store, as_asked(sql_of("Requests by how they ended")))[0]
    assert sum(sum(row[1:]) for row in ended) == requests
    assert sum(row[2] for row in ask(store, as_asked(sql_of("Cost by model")))[0]) == cost
    assert sum(row[2] for row in ask(store, as_asked(sql_of("Time to answer by model")))[0]) == requests
    assert sum(row[1] for row in ask(store, as_asked(sql_of("Providers")))[0]) == requests
    ((forecast,),) = ask(store, as_asked(sql_of("Cost of 30 days like these")))[0]
    assert forecast == pytest.approx(float(cost) * 30 * 24 / HOURS)


def test_a_window_within_an_hour_shows_that_hour(store):
    """The first hour of a window counts as a whole in every panel of hours."""
    late = as_asked(sql_of("Requests"), START_MS + HOUR_MS // 2), as_asked(sql_of("Requests"))
    assert ask(store, late[0])[0] == ask(store, late[1])[0]


def test_only_views_are_asked():
    """No panel names a table: those are for views, which leave out what was replaced."""
    for sql in [sql_of(title) for title in PANELS] + [variable["query"] for variable in VARIABLES.values()]:
        assert re.findall(r"FROM (\w+)", sql)
        assert not re.search(r"_\d+[mhd]\b|\bFINAL\b|\bevents\b|\bprogress\b", sql)


def test_the_heatmap_has_a_place_for_every_refused_call(store):
    """Its cells add up to what was rate-limited, at the moments when it was."""
    rows = ask(store, as_asked(sql_of("Rate limits")))[0]
    ended = ask(store, as_asked(sql_of("Requests by how they ended")))[0]
    assert sum(row[2] for row in rows) == sum(row[4] for row in ended)
    assert min(row[0] for row in rows) >= datetime(2026, 11, 1, tzinfo=UTC)
