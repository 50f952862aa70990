"""What the read API says of a project, asked as any client would ask, and whether that is what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp

from tokentide.demo.tally import Measures
from tokentide.errors import DependencyUnavailable

__all__ = ["METRICS_QUERY", "PERF", "Answers", "Api", "Window", "disagreements"]

PERF = ("overview", "customer", "performance", "failures", "providers", "daily")
"""Perf's endpoints."""

METRICS_QUERY = "/api/svc/v1/llm-gateway/metrics/query"
"""TrueFoundry's endpoint."""

_PERF_DAYS = 9  # a week, and what of a day sticks out at either end

_OK = 200
_MICRODOLLAR_NANOS = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when is asked, both included, as RFC 3339 texts."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What the dialects answer on one project, as JSON objects.

    Attributes:
        overview: of LumiqTrace, as the next three.
        costs: by model and by day.
        performance: latency and speed.
        errors: by their codes.
        analytics: of AgentLens.
        perf: of Perf, by the endpoints' names.
        metrics: of TrueFoundry, by model; of all projects of the key together.
    """

    overview: dict[str, Any]
    costs: dict[str, Any]
    performance: dict[str, Any]
    errors: dict[str, Any]
    analytics: dict[str, Any]
    perf: dict[str, dict[str, Any]]
    metrics: dict[str, Any]


class Api:
    """The read API at an address, asked with a key."""

    def __init__(self, address: str, key: str, http: aiohttp.ClientSession) -> None:
        self._address = address
        self._key = key
        self._http = http

    async def answers(self, project: str, window: Window) -> Answers:
        """The answers on a project; Perf's are about so many whole days that they hold the window.

        Raises:
            DependencyUnavailable: the API does not answer, or not with 200.
        """
        asked = {"projectId": project, "start": window.start, "end": window.end}
        told = {"projectId": project, "from": window.start, "to": window.end, "granularity": "day"}
        return Answers(
            overview=(await self._get(f"/v1/projects/{project}/overview", asked))[0],
            costs=(await self._get("/v1/costs", asked))[0],
            performance=(await self._get("/v1/performance", asked))[0],
            errors=(await self._get("/v1/errors", asked))[0],
            analytics=(await self._get("/api/analytics/llm", told))[0],
            perf={name: await self._perf(name, project) for name in PERF},
            metrics=await self._metrics(window),
        )

    async def _metrics(self, window: Window) -> dict[str, Any]:
        """Calls of concrete models, by model; the window's last millisecond is not in the answer."""
        columns = (("sum", "costInUSD"), ("sum", "inputTokens"), ("p50", "latencyMs"), ("p99", "latencyMs"))
        body = {
            "startTs": window.start,
            "endTs": window.end,
            "datasource": "modelMetrics",
            "type": "distribution",
            "aggregations": [{"type": kind, "column": column} for kind, column in columns],
            "groupBy": ["modelName"],
            "filters": [{"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}],
        }
        return (await self._answered("POST", METRICS_QUERY, json=body))[0]

    async def _perf(self, name: str, project: str) -> dict[str, Any]:
        days = {} if name == "providers" else {"days": str(_PERF_DAYS)}
        return (await self._get(f"/v1/metrics/{name}", {"projectId": project} | days))[0]

    async def data_through(self, project: str) -> str:
        """The log time up to which everything is in the answers, as the API's header says it."""
        _, headers = await self._get(f"/v1/projects/{project}/overview", {})
        return str(headers["X-Data-Through"])

    async def _get(self, path: str, asked: dict[str, str]) -> tuple[dict[str, Any], Any]:
        return await self._answered("GET", path, params=asked)

    async def _answered(self, method: str, path: str, **asked: Any) -> tuple[dict[str, Any], Any]:
        address = self._address + path
        try:
            headers = {"Authorization": f"Bearer {self._key}"}
            async with self._http.request(method, address, headers=headers, **asked) as answer:
                if answer.status != _OK:
                    raise DependencyUnavailable(f"{address} answered {answer.status}: {await answer.text()}")
                return await answer.json(), answer.headers
        except aiohttp.ClientError as error:
            raise DependencyUnavailable(f"{address} does not answer: {error!r}") from error


def disagreements(project: str, sent: Measures, answers: Answers) -> Iterator[str]:
    """Each figure of the answers that is not what was sent, in words.

    Args:
        project: the project.
        sent: all its calls in the window.
        answers: what the API says about the same window.
    """
    kpis, models = answers.overview["kpis"], answers.costs["byModel"]
    counts = {
        "overview: totalRequests": (kpis["totalRequests"], sent.requests),
        "overview: requests of the timeline": (_sum(answers.overview["timeline"], "requests"), sent.requests),
        "overview: errors of the timeline": (_sum(answers.overview["timeline"], "errors"), sent.errors),
        "costs: calls of all models": (_sum(models, "calls"), sent.requests),
        "errors: count of all groups": (_sum(answers.errors["errorGroups"], "count"), sent.errors),
        "analytics: totalCalls": (answers.analytics["summary"]["totalCalls"], sent.requests),
        "analytics: tokens": (_tokens(answers.analytics["summary"]), sent.input_tokens + sent.output_tokens),
        "perf overview: total_calls": (answers.perf["overview"]["summary"]["total_calls"], sent.requests),
        "perf daily: total_calls": (_sum(answers.perf["daily"]["daily_data"], "total_calls"), sent.requests),
    }
    for what, (said, true) in counts.items():
        if said != true:
            yield f"{project}, {what}: {said}, but sent were {true}"
    costs = {
        "overview: totalCost": kpis["totalCost"],
        "analytics: totalCostUsd": answers.analytics["summary"]["totalCostUsd"],
        "perf customer: total_cost_usd": answers.perf["customer"]["usage"]["total_cost_usd"],
    }
    for what, dollars in costs.items():
        if abs(Decimal(str(dollars)).scaleb(9) - sent.cost_nanos) > _MICRODOLLAR_NANOS / 2:
            yield f"{project}, {what} {dollars}, but sent were {sent.cost_nanos} nano-dollars"


def _tokens(summary: dict[str, Any]) -> int:
    return int(summary["totalInputTokens"] + summary["totalOutputTokens"])


def _sum(rows: list[dict[str, Any]], name: str) -> int:
    return sum(int(row[name]) for row in rows)
