"""What does TrueFoundry's answer look like?"""

from __future__ import annotations

from typing import Any

from pydantic import AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["Data", "Error", "Metrics", "Row"]

Row = dict[str, Any]
"""`total`, one key for each aggregation, one for each group, and by time `startTimestamp` and `endTimestamp`."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=AliasGenerator(serialization_alias=to_camel))


class Error(_Answer):
    """A request that failed."""

    status_code: int = Field(description="the HTTP status")
    message: str = Field(description="what was wrong, for people; it names the field")


class Data(_Answer):
    """What was asked for."""

    data_points: list[Row] = Field(description="one row for each combination of groups, and time bucket")


class Metrics(_Answer):
    """The answer to a metrics query."""

    data: Data
