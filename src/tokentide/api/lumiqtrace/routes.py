"""LumiqTrace's endpoints: who asks, for what, and with what is it answered?"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from tokentide import clock
from tokentide.api.access import Reader
from tokentide.api.answers import answered
from tokentide.api.dialect import Dialect, documented_failures, route_class
from tokentide.api.failures import Failure, Kind
from tokentide.api.lumiqtrace import costs, errors, overview, performance
from tokentide.api.lumiqtrace.models import Costs, Error, Errors, Overview, Performance
from tokentide.api.lumiqtrace.period import Period, read_period
from tokentide.api.times import DAY_MS
from tokentide.store.queries.totals import Scope

__all__ = ["LUMIQTRACE", "router"]
