"""What the demonstration holds against the API's answers, and how it shows them."""

from __future__ import annotations

import copy

import pytest
from rich.console import Console

from tokentide.demo.answers import Answers, disagreements
from tokentide.demo.tables import answers_as_tables
from tokentide.demo.tally import Measures

SENT = Measures(requests=4, input_tokens=40, output_tokens=20, cost_nanos=1_234_567_800, errors=1)
ANSWERS = Answers(
    overview={
        "kpis": {"totalRequests": 4, "totalCost": 1.234568, "avgLatency": 921.0, "errorRate": 0.25},
        "timeline": [
            {"hour": "2026-04-20T09:00:00Z", "requests": 3, "cost": 1.0, "errors": 1},
            {"hour": "2026-04-20T10:00:00Z", "requests": 1, "cost": 0.234568, "errors": 0},
        ],
        "topModels": [{"model": "gpt-4o", "cost": 1.234568, "requests": 4}],
        "recentErrors": [],
    },
    costs={
        "byModel": [{"model": "gpt-4o", "total_cost": 1.234568, "calls": 4, "avg_cost": 0.308642}],
        "dailyTrend": [],
        "mtdTotal": 487.34,
        "forecast30d": 731.01,
        "cacheRate": 0.187,
    },
    performance={
        "latencyPercentiles": {"p50": 712.0, "p90": 1843.0, "p99": 4201.0},
        "avgTtft": 298.0,
        "tokensPerSec": 48.3,
        "timeoutRate": 0.0041,
    },
    errors={
        "errorGroups": [
            {"error_code": "context_length_exceeded", "count": 1, "trend": "stable", "top_model": "gpt-4o"}
        ],
        "rateLimitHeatmap": [{"hour": "2026-04-20T14:00:00Z", "rate_limited_count": 34}],
    },
)


def test_answers_that_agree():
    """Money agrees when it is what was sent, rounded to the micro-dollar."""
    assert list(disagreements("p", SENT, ANSWERS)) == []


@pytest.mark.parametrize(
    ("answer", "path", "value"),
    [
        ("overview", ("kpis", "totalRequests"), 5),
        ("overview", ("kpis", "totalCost"), 1.234567),
        ("overview", ("timeline", 0, "requests"), 2),
        ("overview", ("timeline", 0, "errors"), 2),
        ("costs", ("byModel", 0, "calls"), 3),
        ("errors", ("errorGroups", 0, "count"), 2),
    ],
)
def test_each_wrong_figure_is_named(answer, path, value):
    """One wrong figure is one complaint, with the project and the endpoint in it."""
    wrong = copy.deepcopy(ANSWERS)
    place = getattr(wrong, answer)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    complaints = list(disagreements("p", SENT, wrong))
    assert len(complaints) == 1
    assert complaints[0].startswith(f"p, {answer}: ")


def test_tables_hold_the_main_figures():
    """On a narrow terminal, too, each endpoint shows its figures with their units."""
    console = Console(width=100, record=True, file=None, quiet=False, color_system=None)
    with console.capture() as capture:
        console.print(answers_as_tables("p", ANSWERS))
    text = capture.get()
    for figure in ("/v1/projects/p/overview", "25.00%", "$1.23", "921 ms", "$0.30864", "$731.01", "18.7%", "4,201 ms"):
        assert figure in text
    for figure in ("48.3", "0.41%", "context_length_exceeded", "2026-04-20T14:00:00Z: 34"):
        assert figure in text


def test_tables_of_nothing():
    """A project without calls has tables, too."""
    kpis = {"totalRequests": 0, "totalCost": 0, "avgLatency": 0, "errorRate": 0}
    empty = Answers(
        overview={"kpis": kpis, "timeline": [], "topModels": [], "recentErrors": []},
        costs=ANSWERS.costs | {"byModel": []},
        performance=ANSWERS.performance,
        errors={"errorGroups": [], "rateLimitHeatmap": []},
    )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(answers_as_tables("p", empty))
    assert "none" in capture.get()
