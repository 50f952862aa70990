"""Which doors are there? For each, where it is, what it takes, and how it answers when only a part was good.

A new format is a module in `adapters` and a row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from fastapi import Request, Response
from pydantic import BaseModel

from tokentide.api.bodies import BodyRules
from tokentide.api.dialect import Dialect
from tokentide.gateway.adapters import agentlens, helicone, langfuse, litellm, otlp
from tokentide.gateway.adapters.otlp_wire import PROTOBUF
from tokentide.gateway.adapters.payload import Adapter, Item
from tokentide.gateway.answers import agentlens as to_agentlens
from tokentide.gateway.answers import langfuse as to_langfuse
from tokentide.gateway.answers import otlp as to_otlp
from tokentide.gateway.answers import plain
from tokentide.gateway.judging import Judged

__all__ = ["DOORS", "Door", "Partly"]


class Partly(Enum):
    """What becomes of the good part when another part is refused."""

    REFUSED = auto()
    ON_WISH = auto()
    TAKEN = auto()


@dataclass(frozen=True, slots=True)
class Door:
    """One way in.

    Attributes:
        name: of the format.
        paths: where it is.
        says: what it takes, in a sentence.
        body: what a body may be.
        most: events that may come at once.
        partly: whether it takes the good part of what came.
        dialect: how it words a failure.
        status: of the answer to what was taken.
        model: its shape.
        answer: the answer to what was taken.
        adapter: what reads the format; None where it is the contract's own.
    """

    name: str
    paths: tuple[str, ...]
    says: str
    body: BodyRules
    most: int
    partly: Partly
    dialect: Dialect
    status: int
    model: type[BaseModel]
    answer: Callable[[Request, Judged, list[Item]], Response]
    adapter: Adapter | None = None


_JSON = frozenset({"application/json"})
_JSON_OR_LINES = _JSON | {
    *(
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/jsonlines",
    ),
}

DOORS = (
    Door(
        "ingest",
        ("/v1/ingest",),
        "LLM calls as LumiqTrace's SDKs send them: NDJSON or a JSON array.",
        BodyRules(_JSON_OR_LINES),
        100,
        Partly.ON_WISH,
        plain.DIALECT,
        202,
        plain.Counted,
        plain.answer,
    ),
    Door(
        "otlp",
        ("/v1/traces", "/v1/otel", "/api/public/otel/v1/traces"),
        "OpenTelemetry traces (OTLP/HTTP, protobuf or JSON): spans with generative AI attributes, or Langfuse's.",
        BodyRules(_JSON | {PROTOBUF}),
        1000,
        Partly.TAKEN,
        to_otlp.DIALECT,
        200,
        to_otlp.Exported,
        to_otlp.answer,
        otlp.read,
    ),
    Door(
        "langfuse",
        ("/api/public/ingestion",),
        "Langfuse's batch of the SDKs before version 3.",
        BodyRules(_JSON),
        1000,
        Partly.TAKEN,
        to_langfuse.DIALECT,
        207,
        to_langfuse.Entries,
        to_langfuse.answer,
        langfuse.read,
    ),
    Door(
        "agentlens",
        ("/api/events",),
        "AgentLens' events, of which a response of a model makes a call.",
        BodyRules(_JSON),
        1000,
        Partly.REFUSED,
        to_agentlens.DIALECT,
        201,
        to_agentlens.Ingested,
        to_agentlens.answer,
        agentlens.read,
    ),
    Door(
        "litellm",
        ("/v1/ingest/litellm",),
        "What LiteLLM's `generic_api` callback sends: an array, NDJSON, or one object.",
        BodyRules(_JSON_OR_LINES),
        1000,
        Partly.ON_WISH,
        plain.DIALECT,
        202,
        plain.Counted,
        plain.answer,
        litellm.read,
    ),
    Door(
        "helicone",
        ("/v1/ingest/helicone",),
        "Rows of Helicone's table request_response_rmt: an array or NDJSON.",
        BodyRules(_JSON_OR_LINES),
        1000,
        Partly.ON_WISH,
        plain.DIALECT,
        202,
        plain.Counted,
        plain.answer,
        helicone.read,
    ),
)
"""Every door."""
