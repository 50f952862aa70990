"""What holds for Perf's answers whatever was called."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.api.perf.test_perf_answers import days, failing, printed
from tokentide.api.perf import daily, failures, performance
from tokentide.api.sums import Sums

COUNTS = st.integers(0, 10**6)
MODES = st.tuples(*[COUNTS] * 6)
MODELS = st.lists(st.text("abc", min_size=1, max_size=2), unique=True, max_size=6)


@st.composite
def failing_models(draw):
    """Rows of the failure analysis: models with as many calls as failures, or more."""
    return [failing(model, sum(modes) + draw(COUNTS), modes) for model in draw(MODELS) for modes in [draw(MODES)]]


@st.composite
def cells(draw):
    """Rows of the performance report: calls of models at tasks."""
    found = []
    for task in ("", "code", "unknown"):
        for model in draw(MODELS):
            calls = draw(st.integers(1, 100))
            scores = draw(st.integers(0, calls))
            found.append((task, model, calls, draw(st.integers(0, calls)), draw(COUNTS), 0, scores * 0.5, scores))
    return found


@given(failing_models())
def test_modes_partition_all_failures(rows):
    """Whatever the rows, modes add up to all failures, and so do models (P4)."""
    body = failures.shaped(days(7), rows)
    total = body.summary.total_failures
    assert sum(mode.count for mode in body.by_failure_mode.values()) == total
    assert sum(model.failures for model in body.by_model.values()) == total
    assert all(mode.count and mode.affected_models for mode in body.by_failure_mode.values())
    assert len(body.mitigation_recommendations) <= 5


@settings(max_examples=40)
@given(failing_models(), cells(), st.randoms())
def test_the_order_of_rows_does_not_matter(failed, usage, random):
    """The store may answer in any order, and from any number of rows for one model."""
    for ask, rows in ((failures.shaped, failed), (lambda of, rows: performance.shaped(of, None, rows), usage)):
        shuffled = random.sample(rows, len(rows))
        assert printed(ask(days(7), shuffled)) == printed(ask(days(7), rows))


@settings(max_examples=40)
@given(cells())
def test_advice_is_never_for_the_worse(usage):
    """What is recommended is the optimal model, not the busiest one; it costs no quality, and no money."""
    body = performance.shaped(days(7), None, usage)
    for advice in body.recommendations:
        task = body.by_task_type[advice.task_type]
        assert advice.recommended_model == task.optimal_model != advice.current_model == next(iter(task.models))
        assert advice.quality_improvement >= 0
        assert advice.potential_savings_usd >= 0
        assert task.models[advice.recommended_model].calls >= 30
    assert sum(task.total_calls for task in body.by_task_type.values()) == sum(row[2] for row in usage)


@given(st.lists(COUNTS, max_size=12))
def test_what_rises_one_way_falls_the_other(calls):
    """Days turned around have the opposite trend, or a stable one on both sides of a tenth."""
    found = [daily.trends([Sums(requests=count) for count in order]).calls_trend for order in (calls, calls[::-1])]
    assert set(found) != {"increasing"}
    assert set(found) != {"decreasing"}
