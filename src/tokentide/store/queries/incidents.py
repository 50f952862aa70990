"""How did providers do, and in which five minutes did much go wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokentide.rollups.tables import PROVIDER_HEALTH
from tokentide.store.queries.sources import HEALTH_SOURCE
from tokentide.store.queries.totals import BUCKET, Question, Scope, breakdowns, parted

__all__ = ["BUCKET_SECONDS", "provider_health", "provider_health_parted"]

BUCKET_SECONDS = PROVIDER_HEALTH.bucket_seconds
_SETS = [("provider",), ("provider", BUCKET)]
_WRONG = "`sum(requests)` >= 5 AND `sum(errors)` * 10 >= `sum(requests)`"
_WHOLE = f"`grouping(provider, {BUCKET})` = 1"


def provider_health(name: str, scope: Scope, measures: Sequence[str]) -> Question:
    """Ask for sums by provider, and by provider and five minutes where a tenth of five calls or more failed.

    Args:
        name: what the question is called in metrics.
        scope: whose calls, and when.
        measures: of the rollup; `requests` and `errors` among them.
    """
    every = breakdowns(name, HEALTH_SOURCE, scope, measures, sets=_SETS, step_seconds=BUCKET_SECONDS)
    sql = f"SELECT *\nFROM (\n{every.sql}\n)\nWHERE {_WHOLE} OR ({_WRONG})\nORDER BY 1, 2, 3"
    return Question(name, sql, every.args, every.widened)


def provider_health_parted(rows: Sequence[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    """Rows (provider, *measures) of whole providers, and (provider, start in seconds, *measures) of bad buckets."""
    return parted(_SETS, rows)
