"""The answers of a running API in three dialects, held against the oracle."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from tests.oracle import agentlens, perf
from tests.oracle.compare import differences
from tests.oracle.log import millis
from tests.oracle.lumiqtrace import ENDPOINTS
from tokentide.clock import now_ms

__all__ = ["PERF", "differing", "differing_in_agentlens", "differing_in_perf", "text"]

DEFAULT_DAYS = {"/v1/projects/{id}/overview": 1, "/v1/costs": 30, "/v1/performance": 30, "/v1/errors": 30}
DAY_MS = 86_400_000
PERF = {
    "overview": perf.overview,
    "customer": partial(perf.customer, organisation="demo"),
    "performance": perf.performance,
    "failures": perf.failures,
    "providers": perf.providers,
    "daily": perf.daily,
}
"""Perf's endpoints, each with the function that knows its answer."""


def text(ms):
    """A moment as a query parameter, with milliseconds."""
    moment = datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def differing(up, calls, project, start=None, end=None):
    """Every difference between the API's four answers and the oracle's, each with its path and place.

    Args:
        up: the running parts.
        calls: all calls that count, of every project.
        project: which project is asked about.
        start: beginning of the window in milliseconds; None leaves it to the API.
        end: its end, likewise.
    """
    found = []
    own = [call for call in calls if call.project == project]  # all that the oracle would look at
    for path, oracle in ENDPOINTS.items():
        asked = {} if "{id}" in path else {"projectId": project}
        asked |= {name: text(ms) for name, ms in (("start", start), ("end", end)) if ms is not None}
        before = now_ms()
        answer, headers = up.get(path.format(id=project), **asked)
        after = now_ms()
        assert "X-Window-Aligned" not in headers
        assert millis(headers["X-Data-Through"]) <= after
        window = (start, end, DEFAULT_DAYS[path] * DAY_MS)
        expected_at = partial(_expected, oracle, own, project, window)
        wrong = _fewest(answer, expected_at, range(before, after + 1))
        found += [f"{path} {asked} {line}" for line in wrong]
    return found


def differing_in_perf(up, calls, project, endpoint, **asked):
    """Every difference between an answer of Perf's and the oracle's, whenever within the request it was asked.

    Args:
        up: the running parts.
        calls: all calls that count, of every project.
        project: which project is asked about.
        endpoint: one of `PERF`.
        asked: its parameters.
    """
    before = now_ms()
    answer, _ = up.get(f"/v1/metrics/{endpoint}", projectId=project, **asked)
    after = now_ms()
    own = [call for call in calls if call.project == project]
    return _fewest(answer, lambda now: PERF[endpoint](own, [project], now, **asked), range(before, after + 1))


def differing_in_agentlens(up, calls, project, *, start, end, granularity):
    """Every difference between AgentLens' answers on a window and the oracle's; parameters as of `differing`."""
    own = [call for call in calls if call.project == project and start <= call.ms <= end]
    bounds = {"projectId": project, "from": text(start), "to": text(end)}
    analytics, headers = up.get("/api/analytics/llm", granularity=granularity, **bounds)
    assert "X-Window-Aligned" not in headers
    events, _ = up.get("/api/events", eventType="llm_response", order="desc", limit=10, **bounds)
    for event in events["events"]:
        del event["hash"]
    newest = agentlens.newest(own, [project], start, end, 10)
    expected = agentlens.analytics(own, [project], start, end, granularity)
    return differences(expected, analytics) + differences(newest, events)


def _expected(oracle, calls, project, window, now):
    start, end, default_length = window
    until = now if end is None else end
    return oracle(calls, project, until - default_length if start is None else start, until, now)


def _fewest(answer, expected_at, moments):
    """The differences at the moment between request and answer that suits best: the API's `now` was one of them."""
    fewest = None
    for now in moments:
        found = differences(expected_at(now), answer)
        if not found:
            return []
        fewest = found if fewest is None or len(found) < len(fewest) else fewest
    return fewest
