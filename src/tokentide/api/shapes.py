"""What are all answers made of? Frozen models whose keys are spelled as in Python, or in camel case."""

from __future__ import annotations

from pydantic import AliasGenerator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

__all__ = ["Answer", "CamelAnswer"]


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True)


class CamelAnswer(BaseModel):
    """A part of an answer whose keys are in camel case."""

    model_config = ConfigDict(frozen=True, alias_generator=AliasGenerator(serialization_alias=to_camel))
