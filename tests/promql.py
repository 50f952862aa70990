"""What does a PromQL expression ask for, and does it exist? Held against the closed list of metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from tokentide.metrics import API_METRICS, COMMON_METRICS, WORKER_METRICS

__all__ = ["METRICS", "ROOT", "RULE_FILES", "metrics_of", "problems_of_expression", "rules"]

ROOT = Path(__file__).parents[1]
RULE_FILES = sorted(ROOT.glob("deploy/prometheus/rules/*.yml"))
METRICS = {metric.name: metric for metric in (*WORKER_METRICS, *API_METRICS, *COMMON_METRICS)}
_OF_EVERY_SCRAPE = {"instance", "job", "le"}
_MADE_BY_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}


def rules() -> Iterator[dict[str, Any]]:
    """Every rule, recording or alerting, as its file says it."""
    for file in RULE_FILES:
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def metrics_of(text: str) -> set[str]:
    """The names of the metrics that an expression asks for, without the suffixes of histograms."""
    return {_metric(node.name) for node in _nodes(text) if isinstance(node, promql_parser.VectorSelector)}


def problems_of_expression(text: str) -> list[str]:
    """What is wrong with an expression: its grammar, or metrics and labels that do not exist."""
    try:
        nodes = list(_nodes(text))
    except ValueError as error:
        return [str(error)]
    names = metrics_of(text)
    labels = _OF_EVERY_SCRAPE.union(*(_labels(name) for name in names if _exists(name)))
    used = {matcher.name for node in nodes for matcher in _matchers(node)} | {
        name
        for node in nodes
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier
        for name in node.modifier.labels
    }
    return [f"there is no metric {name}" for name in sorted(names) if not _exists(name)] + [
        f"none of its metrics has the label {name}" for name in sorted(used - labels)
    ]


def _nodes(text: str) -> list[Any]:
    nodes: list[Any] = []
    promql_parser.walk(
        promql_parser.parse(re.sub(r"\$__rate_interval|\$__interval|\$__range", "5m", text)), nodes.append
    )
    return nodes


def _matchers(node: Any) -> list[Any]:
    return list(node.matchers.matchers) if isinstance(node, promql_parser.VectorSelector) else []


def _metric(name: str | None) -> str:
    bare = re.sub(r"_(bucket|sum|count)$", "", name or "")
    return bare if bare in METRICS and METRICS[bare].kind == "histogram" else name or ""


def _exists(name: str) -> bool:
    return name in METRICS or name in _recorded() or name in _MADE_BY_PROMETHEUS


def _labels(name: str) -> set[str]:
    if name in METRICS:
        return set(METRICS[name].labels)
    if name in _MADE_BY_PROMETHEUS:
        return _MADE_BY_PROMETHEUS[name]
    return set().union(*map(_labels, metrics_of(_recorded()[name])))


@cache
def _recorded() -> dict[str, str]:
    """The expression of every recorded series, by its name."""
    return {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
