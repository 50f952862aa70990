"""Do the Grafana dashboards show what there is? Each expression is parsed, and held against the list of metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.promql import METRICS, ROOT, problems_of_expression

PIPELINE = ROOT / "deploy/grafana/dashboards/pipeline.json"
DASHBOARDS = {"pipeline.json": "prometheus", "business.json": "clickhouse"}
"""Each dashboard with the data source that it asks; tests of the second one's SQL need an engine, and are elsewhere."""


def panels(dashboard: Path) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard."""
    yield from json.loads(dashboard.read_text(encoding="utf-8"))["panels"]


def test_dashboards_ask_for_metrics_that_exist() -> None:
    """Every expression is PromQL, and names only metrics and labels of the closed list; its legend too."""
    asked = [(panel["title"], target) for panel in panels(PIPELINE) for target in panel.get("targets", [])]
    assert asked
    problems = [f"{title}: {what}" for title, target in asked for what in problems_of_expression(target["expr"])]
    legends = [
        (title, f"sum by ({name}) ({target['expr']})")
        for title, target in asked
        for name in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    ]
    assert problems + [f"{title}: {what}" for title, text in legends for what in problems_of_expression(text)] == []


def test_the_pipeline_shows_every_metric() -> None:
    """It leaves nothing of the closed list unseen."""
    text = PIPELINE.read_text(encoding="utf-8")
    assert [name for name in METRICS if not re.search(rf"\b{name}(_bucket)?\b", text)] == []


def test_every_dashboard_is_known() -> None:
    """One that was added is held to the rules here, too."""
    assert sorted(file.name for file in PIPELINE.parent.glob("*.json")) == sorted(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fit(name: str) -> None:
    """Panels have ids of their own, words, the provisioned data source, and do not overlap."""
    dashboard = PIPELINE.with_name(name)
    cells: list[tuple[int, int]] = []
    ids = []
    for panel in panels(dashboard):
        ids.append(panel["id"])
        place = panel["gridPos"]
        cells += [(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])]
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
            assert {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])} == {
                DASHBOARDS[name]
            }
    assert len(set(ids)) == len(ids)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize(
    "expression",
    [
        "sum(tokentide_lag)",
        "sum by (project_id) (tokentide_lag_records)",
        'tokentide_paused{table="x"}',
        "sum(rate(tokentide_paused)",
    ],
)
def test_a_wrong_expression_is_found(expression: str) -> None:
    """What does not exist is noticed, so that the tests above can fail."""
    assert problems_of_expression(expression)
