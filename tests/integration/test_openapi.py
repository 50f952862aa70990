"""Is what the API says of itself true? Requests made of its own description: no fault, and answers as described."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.store_fixtures import migrated, settings_of
from tests.unit.gateway.fakes import FakeLog
from tokentide import clock
from tokentide.gateway.doors import DOORS
from tokentide.serving.app import create_app
from tokentide.store.access import create_key

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 60


class Unlimited:
    """Lets everybody ask as often as they like."""

    async def wait_seconds(self, *_):
        return 0.0


@pytest.fixture(scope="module")
def store(chdb_store_root):
    with migrated(chdb_store_root) as opened:
        yield opened


@pytest.fixture(scope="module")
def keys(store):
    """Headers that open every route: each takes the one that it knows."""
    read = create_key(store, role="read", org="o", projects=["p"], now_ms=clock.now_ms(), tier="enterprise")
    ingest = create_key(store, role="ingest", org="o", projects=["p"], now_ms=clock.now_ms())
    return {"Authorization": f"Bearer {read.key}", "x-api-key": ingest.key}


@pytest.fixture(scope="module")
def described(store):
    """The schema that the application serves."""
    app = create_app(settings_of("chdb:///never-opened", "tokentide"), store, delivery=FakeLog())
    app.state.access._limits = Unlimited()
    return schemathesis.openapi.from_asgi("/openapi.json", app)


def each_operation(described, examples, check):
    """Hold the check against made-up requests of every operation."""
    for found in described.get_all_operations():
        operation = found.ok()

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def holds(case):
            check(case)

        holds()


@pytest.mark.timeout(300)
def test_answers_are_as_described(described, keys):
    """Whatever a request holds that the description allows: its answer has a status and a shape from there."""

    def check(case):
        if "projectId" in (case.query or {}) and len(str(case.query["projectId"])) % 2:
            case.query["projectId"] = "p"  # a project that there is
        case.call_and_validate(headers=keys, checks=CHECKS)

    each_operation(described, EXAMPLES, check)


def test_nobody_is_answered_without_a_key(described):
    """401, as described, whatever else is in the request."""

    def check(case):
        answer = case.call_and_validate(headers={"x-api-key": "", "Authorization": ""}, checks=CHECKS)
        assert answer.status_code == 401

    each_operation(described, 3, check)


def test_every_door_is_described(described):
    """Each path of the gateway says what it takes, how a key is sent, and what it answers."""
    paths = described.raw_schema["paths"]
    for path in (path for door in DOORS for path in door.paths):
        described_door = paths[path]["post"]
        assert {"400", "401", "403", "408", "413", "415", "429", "500", "503"} < set(described_door["responses"])
        assert described_door["requestBody"]["content"]
        assert {name for way in described_door["security"] for name in way} == {"IngestKey", "HTTPBearer", "HTTPBasic"}
    assert {"IngestKey", "HTTPBearer", "HTTPBasic"} <= set(described.raw_schema["components"]["securitySchemes"])
