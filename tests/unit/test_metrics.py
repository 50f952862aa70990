"""Metrics: the closed list, and that a process exposes exactly that."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tokentide import __version__
from tokentide.metrics import API_METRICS, COMMON_METRICS, WORKER_METRICS, ApiMetrics, Metric, WorkerMetrics

ALL = (*WORKER_METRICS, *API_METRICS, *COMMON_METRICS)
BOTH = pytest.mark.parametrize(
    ("process", "metrics"),
    [(WorkerMetrics, WORKER_METRICS + COMMON_METRICS), (ApiMetrics, API_METRICS + COMMON_METRICS)],
)


def exposed(registry: CollectorRegistry) -> dict[str, str]:
    """The kind of each metric of a scrape, by its name; a counter's with the suffix that its series have."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {f.name + ("_total" if f.type == "counter" else ""): f.type for f in families}


@BOTH
def test_a_process_exposes_exactly_its_list(
    process: type[WorkerMetrics | ApiMetrics], metrics: Sequence[Metric]
) -> None:
    """What a scrape shows is what the list says, before anything was counted too."""
    assert exposed(process(CollectorRegistry()).registry) == {metric.name: metric.kind for metric in metrics}


@BOTH
def test_a_process_finds_each_metric_by_its_short_name(
    process: type[WorkerMetrics | ApiMetrics], metrics: Sequence[Metric]
) -> None:
    """The accessor of a metric's kind knows it, with the labels of the list."""
    made = process(CollectorRegistry())
    for metric in metrics:
        short = metric.name.removeprefix("tokentide_").removesuffix("_total")
        assert getattr(made, metric.kind)(short)._labelnames == metric.labels


def test_a_scrape_shows_only_series_of_the_list() -> None:
    """No second series beside a counter, such as the time when it was made."""
    registry = CollectorRegistry()
    WorkerMetrics(registry).counter("events").labels("0").inc()
    families = text_string_to_metric_families(generate_latest(registry).decode())
    samples = {sample.name for family in families for sample in family.samples}
    assert "tokentide_events_total" in samples
    assert [name for name in samples if name.endswith("_created")] == []


def test_processes_do_not_share_metrics() -> None:
    """Nothing is global: two of them in one process count apart."""
    one, other = WorkerMetrics(CollectorRegistry()), WorkerMetrics(CollectorRegistry())
    one.counter("rebalances").inc()
    assert other.registry.get_sample_value("tokentide_rebalances_total") == 0


def test_the_version_is_told() -> None:
    """Every process says which version it is."""
    registry = ApiMetrics(CollectorRegistry()).registry
    assert registry.get_sample_value("tokentide_build_info", {"version": __version__}) == 1


def test_names_are_unique() -> None:
    """One name, one metric."""
    names = [metric.name for metric in ALL]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_metric_is_named_and_explained(metric: Metric) -> None:
    """Counters, and only they, end in _total; histograms and what lasts are in seconds; a meaning is there."""
    assert re.fullmatch(r"tokentide(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not re.search(r"_(ms|us|millis|minutes|kb|mb)(_|$)", metric.name)
    assert metric.meaning
    assert metric.meaning == metric.meaning.rstrip(".")


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_no_label_grows_with_the_users(metric: Metric) -> None:
    """Labels have values from closed sets, or few by nature; none comes from what users send."""
    closed = {
        "dialect",
        "kind",
        "partition",
        "query",
        "reason",
        "result",
        "route",
        "status",
        "step",
        "surface",
        "table",
        "version",
    }
    assert set(metric.labels) <= closed


@pytest.mark.parametrize("metric", [m for m in ALL if m.kind == "histogram"], ids=lambda metric: metric.name)
def test_a_histogram_has_bounds_that_rise(metric: Metric) -> None:
    """Its buckets are given, positive, and in order."""
    assert metric.buckets == tuple(sorted(set(metric.buckets)))
    assert metric.buckets[0] > 0
