"""OTLP's way: an export is answered in its own encoding; spans that were rejected are counted, and never sent again."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pydantic import BaseModel

from tokentide.api.bodies import content_type
from tokentide.api.dialect import Dialect
from tokentide.api.failures import Failure
from tokentide.gateway.adapters.otlp_wire import PROTOBUF
from tokentide.gateway.adapters.payload import Item
from tokentide.gateway.answers.words import worded
from tokentide.gateway.judging import Judged

__all__ = ["DIALECT", "Exported", "answer"]

_LISTED = 5
_GRPC_CODES = {400: 3, 401: 16, 403: 7, 408: 4, 413: 3, 415: 3, 429: 8, 500: 13, 503: 14}


class GrpcStatus(BaseModel):
    """An export that was refused, as google.rpc.Status."""

    code: int
    message: str


class PartialSuccess(BaseModel):
    """Which part of an export was refused."""

    rejectedSpans: str  # noqa: N815  as OTLP writes it; a 64-bit integer is text there
    errorMessage: str  # noqa: N815


class Exported(BaseModel):
    """ExportTraceServiceResponse; `partialSuccess` is there when spans were refused, which must not be sent again."""

    partialSuccess: PartialSuccess | None = None  # noqa: N815


def _failed(failure: Failure) -> GrpcStatus:
    return GrpcStatus(code=_GRPC_CODES[failure.status], message=worded(failure))


def _written(request: Request, body: BaseModel) -> tuple[bytes, str]:
    assert isinstance(body, GrpcStatus)
    if content_type(request) == PROTOBUF:
        return Status(code=body.code, message=body.message).SerializeToString(), PROTOBUF
    return body.model_dump_json().encode(), "application/json"


DIALECT = Dialect("otlp", GrpcStatus, _failed, _written)
"""google.rpc.Status, in the encoding of the request."""


def answer(request: Request, judged: Judged, _items: list[Item]) -> Response:
    """An ExportTraceServiceResponse in the encoding of the request."""
    said = "; ".join(f"span {unfit.place}: {unfit.detail}" for unfit in judged.refused[:_LISTED])
    if content_type(request) == PROTOBUF:
        made = ExportTraceServiceResponse()
        if judged.refused:
            made.partial_success.rejected_spans = len(judged.refused)
            made.partial_success.error_message = said
        return Response(made.SerializeToString(), media_type=PROTOBUF)
    partial = {"partialSuccess": {"rejectedSpans": str(len(judged.refused)), "errorMessage": said}}
    return JSONResponse(partial if judged.refused else {})
