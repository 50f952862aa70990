"""TrueFoundry's endpoint: who asks, for what, and with what is it answered?"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tokentide import clock
from tokentide.api.access import Caller, Reader
from tokentide.api.answers import answered
from tokentide.api.dialect import Dialect, documented, route_class
from tokentide.api.engine import Engine
from tokentide.api.failures import Failure
from tokentide.api.json_body import read_json
from tokentide.api.presence import while_present
from tokentide.api.truefoundry.description import request_body
from tokentide.api.truefoundry.models import Data, Error, Metrics
from tokentide.api.truefoundry.reading import read_query
from tokentide.api.truefoundry.shaping import shaped
from tokentide.api.visible import projects_asked
from tokentide.errors import QueryError
from tokentide.store.queries.metrics import metrics_question
from tokentide.store.queries.plan import MetricsQuery, Plan, planned
from tokentide.store.queries.window import NO_EVENTS

__all__ = ["MOST_ROWS", "PATH", "router"]

PATH = "/api/svc/v1/llm-gateway/metrics/query"

MOST_ROWS = 11_000
"""Most rows of an answer."""

_FROM_ROLLUPS = (
    "Rollups alone answer modelMetrics with the filter virtualModelName IS_NULL true, by modelName and whole hours"
)


def router() -> APIRouter:
    """The route of this dialect."""
    dialect = Dialect("truefoundry", Error, _worded)
    made = APIRouter(route_class=route_class(dialect), tags=[dialect.name])
    made.add_api_route(
        PATH,
        query_metrics,
        methods=["POST"],
        response_model=Metrics,
        responses=documented(dialect, with_body=True),
        openapi_extra={"requestBody": request_body()},
    )
    return made


def _worded(failure: Failure) -> Error:
    return Error(status_code=failure.status, message=failure.message)


async def query_metrics(request: Request, caller: Reader) -> Response:
    """Aggregate events of all projects that the key may see, by columns and time buckets."""
    query = read_query(await read_json(request))
    return await while_present(request, _answer(request, caller, query))


async def _answer(request: Request, caller: Caller, query: MetricsQuery) -> Response:
    engine: Engine = request.app.state.engine
    plan = planned(query)
    _require_events(plan, engine.events_from_ms(clock.now_ms()))
    question = metrics_question("metrics", plan, await projects_asked(request, caller, None), MOST_ROWS + 1)
    found = await engine.ask(question)
    if len(found.rows[0]) > MOST_ROWS:
        field = "interval" if query.buckets else "groupBy"
        raise QueryError(
            f"{field}: the answer has more than {MOST_ROWS:,} rows; "
            "ask about a shorter time, longer intervals or fewer groups, or filter more",
            field,
        )
    return answered(request, Metrics(data=Data(data_points=shaped(query, question, found.rows[0]))), found)


def _require_events(plan: Plan, events_from_ms: int) -> None:
    """Refuse a plan for which events are needed that are not kept."""
    needed_ms = plan.needs_events_from_ms()
    if needed_ms is None or needed_ms >= events_from_ms:
        return
    if events_from_ms == NO_EVENTS:
        raise QueryError(
            f"this needs single events, which are not kept here (TOKENTIDE_EVENTS_TABLE=false). {_FROM_ROLLUPS}",
            "EVENTS_TABLE",
        )
    raise QueryError(
        f"startTs lies before the time of which events are kept (TOKENTIDE_EVENTS_RETENTION_DAYS). {_FROM_ROLLUPS}",
        "startTs",
    )
