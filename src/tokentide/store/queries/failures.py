"""Which calls failed last?"""

from __future__ import annotations

from tokentide.store.queries.calls import inside, inside_args
from tokentide.store.queries.sources import ERROR_CODE
from tokentide.store.queries.totals import Question, Scope

__all__ = ["recent_failures"]


def recent_failures(scope: Scope, limit: int) -> Question:
    """Ask for the newest calls without success: (event_id, model, status, error code, time in milliseconds).

    Of equal times, the smaller event_id comes first. Only for times of which events are kept.
    """
    return Question(
        "recent_failures",
        "SELECT toString(event_id), assumeNotNull(model), status, "
        f"{ERROR_CODE}, toUnixTimestamp64Milli(timestamp)\n"
        "FROM events FINAL\n"
        f"WHERE {inside()} AND status != 'success'\n"
        "ORDER BY timestamp DESC, toString(event_id)\n"
        "LIMIT {limit:UInt32}",
        inside_args(scope) | {"limit": limit},
    )
