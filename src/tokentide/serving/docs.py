"""The documentation that the API serves of itself: OpenAPI, and a page that shows it without any other host."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from tokentide.gateway.routes import SECURITY_SCHEMES

__all__ = ["router", "swagger_files"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tokentide API</title>
<link rel="stylesheet" href="/docs/files/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true});\n'
_TO_BEGIN = """\
Ask with a read key or the token of a session as `Authorization: Bearer KEY`, and send with an ingest key as
`x-api-key`; `tokentide up` prints one of each. The answers of all dialects are about the same calls: the same window
has the same calls, cost and tokens in each. Every answer with figures says in `X-Data-Through` up to which moment all
of it is there, and may be asked again with its `ETag`. Times are UTC, money is dollars, latencies are milliseconds.
"""
_SURFACES = {
    "lumiqtrace": "Ask in LumiqTrace's dialect: overview, costs, speed and errors of a project.",
    "agentlens": "Ask and send in AgentLens' dialect: analytics of LLM calls, and single calls.",
    "perf": "Ask in Perf's dialect: models, routing, failures, providers and days of an account.",
    "truefoundry": "Ask in TrueFoundry's dialect: any aggregate, by columns and by time.",
    "ingest": "Send events as the contract describes them, NDJSON or a JSON array.",
    "otlp": "Send OpenTelemetry traces over OTLP/HTTP; Langfuse's SDKs from version 3 do.",
    "langfuse": "Send the batches of Langfuse's SDKs before version 3.",
    "litellm": "Send what LiteLLM's `generic_api` callback sends.",
    "helicone": "Send rows that Helicone keeps, to move from there.",
}
"""What each surface is for, in the order in which the page lists them."""
_PAGE_HEADERS = {
    # Swagger UI sets styles from its script and carries its icons as data.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
}


def router() -> APIRouter:
    """The description and the page."""
    made = APIRouter(tags=["operations"], include_in_schema=False)
    made.add_api_route("/openapi.json", document)
    made.add_api_route("/docs", page)
    made.add_api_route("/docs/start.js", start)
    return made


async def page() -> Response:
    """Swagger UI over /openapi.json."""
    return Response(_PAGE, headers=_PAGE_HEADERS, media_type="text/html")


async def start() -> Response:
    """What starts Swagger UI: a file of its own, so that the page needs no script inside."""
    return Response(_START, media_type="text/javascript")


def swagger_files() -> StaticFiles:
    """Swagger UI itself, from the package that carries it."""
    with resources.as_file(resources.files("fastapi_offline").joinpath("static")) as folder:
        return StaticFiles(directory=Path(folder))


async def document(request: Request) -> Response:
    """OpenAPI, without the 422 that FastAPI adds: here a bad parameter is answered with 400."""
    app: FastAPI = request.app
    tags = [{"name": name, "description": what} for name, what in _SURFACES.items()]
    described = f"{app.description}\n\n{_TO_BEGIN}"
    schema = get_openapi(title=app.title, version=app.version, description=described, routes=app.routes, tags=tags)
    for operations in schema["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    schema["components"].setdefault("securitySchemes", {}).update(SECURITY_SCHEMES)
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    return JSONResponse(schema)
