"""Which calls failed last?"""

from __future__ import annotations

from tokentide.store.queries.sources import CONCRETE_CALL, ERROR_CODE
from tokentide.store.queries.totals import Question, Scope
from tokentide.store.queries.window import Origin

__all__ = ["recent_failures"]


def recent_failures(scope: Scope, limit: int) -> Question:
    """Ask for the newest calls without success: (event_id, model, status, error code, time in milliseconds).

    Of equal times, the smaller event_id comes first. Only for times of which events are kept.
    """
    window = scope.window.within_years_of_events()
    return Question(
        "recent_failures",
        "SELECT toString(event_id), assumeNotNull(model), status, "
        f"{ERROR_CODE}, toUnixTimestamp64Milli(timestamp)\n"
        "FROM events FINAL\n"
        "WHERE project_id IN {projects:Array(String)} "
        "AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') "
        "AND timestamp < fromUnixTimestamp64Milli({to:Int64}, 'UTC') "
        f"AND {CONCRETE_CALL} AND status != 'success'\n"
        "ORDER BY timestamp DESC, toString(event_id)\n"
        "LIMIT {limit:UInt32}",
        {
            "projects": list(scope.projects),
            "from": window.start_ms,
            "to": window.end_ms,
            "limit": limit,
        },
        origin=Origin.EVENTS,
    )
