"""What a call counts as: the decision tables of the read API, row by row."""

from __future__ import annotations

from itertools import product

import pytest

from tests.builders import the_event
from tokentide.rollups.meaning import error_code, failure_mode, hit_ceiling, is_concrete_call, routing_verdict
from tokentide.rollups.tables import FAILURE_MODES

STATUSES = ("success", "error", "timeout", "rate_limited", "cancelled")
FAILED = ("error", "timeout", "rate_limited")
GIVEN_MODES = ("format_violation", "refusal", "hallucination", "incomplete", "reasoning_error")


@pytest.mark.parametrize(
    ("fields", "concrete"),
    [
        ({}, True),
        ({"virtual_model": "fast"}, False),
        ({"virtual_model": ""}, False),
        ({"kind": "agent"}, False),
        ({"kind": "mcp", "mcp_server_name": "s", "mcp_method": "m"}, False),
        ({"kind": "guardrail", "guardrail_name": "g"}, False),
        ({"kind": "config", "config_type": "c"}, False),
    ],
)
def test_rollups_count_concrete_llm_calls(fields, concrete):
    """Only LLM calls count, and not the row that stands for a virtual model."""
    assert is_concrete_call(the_event(**fields)) == concrete


@pytest.mark.parametrize(
    ("status", "code", "group"),
    [
        ("success", None, None),
        ("success", "E", None),
        ("cancelled", None, None),
        ("cancelled", "E", None),
        ("error", None, "unknown"),
        ("error", "E", "E"),
        ("error", "", ""),
        ("timeout", None, "timeout"),
        ("timeout", "E", "E"),
        ("rate_limited", None, "rate_limited"),
        ("rate_limited", "E", "E"),
    ],
)
def test_error_groups(status, code, group):
    """Failed calls are grouped by their code, or else by how they failed; others belong to no group (L13)."""
    assert error_code(the_event(status=status, error_code=code)) == group


@pytest.mark.parametrize(("status", "given"), [*product(STATUSES, GIVEN_MODES)])
def test_a_given_failure_mode_is_a_failure(status, given):
    """A failure mode that is given counts, whatever the status and whether or not the call recovered (P3)."""
    event = the_event(status=status, failure_mode=given, finish_reason="length", recovered_by="retry")
    assert failure_mode(event) == given


BY_FINISH = {"length": "incomplete", "content_filter": "refusal"}
BY_VALIDATION = {None: "provider_error", True: "provider_error", False: "format_violation"}
MODES = [
    *((*case, BY_FINISH[case[1]]) for case in product(FAILED, BY_FINISH, BY_VALIDATION)),
    *((*case, BY_VALIDATION[case[2]]) for case in product(FAILED, [None, "stop", ""], BY_VALIDATION)),
    *((*case, None) for case in product(["success", "cancelled"], [None, *BY_FINISH], [False])),
]


@pytest.mark.parametrize(("status", "finish", "passed", "mode"), MODES)
def test_every_failure_has_one_mode(status, finish, passed, mode):
    """Without a given mode the finish reason tells, then the validation, and else it was the provider (P4)."""
    event = the_event(status=status, finish_reason=finish, validation_passed=passed)
    assert failure_mode(event) == mode
    assert mode is None or mode in FAILURE_MODES


@pytest.mark.parametrize(
    ("fields", "failed", "verdict"),
    [
        ({}, False, None),
        ({"fallback_used": True}, True, None),
        ({"routing_correct": True}, False, True),
        ({"routing_correct": True, "requested_model": "other", "fallback_used": True}, True, True),
        ({"routing_correct": False, "requested_model": "gpt-4o"}, False, False),
        ({"requested_model": "gpt-4o"}, False, True),
        ({"requested_model": "gpt-4o"}, True, False),
        ({"requested_model": "gpt-4o", "fallback_used": True}, False, False),
        ({"requested_model": "other"}, False, False),
        ({"requested_model": ""}, False, False),
    ],
)
def test_routing_verdicts(fields, failed, verdict):
    """A given verdict counts; else the router was right when the model that it asked for answered at once (P7)."""
    assert routing_verdict(the_event(**fields), failed=failed) is verdict


@pytest.mark.parametrize(
    ("fields", "hit"),
    [
        ({}, False),
        ({"cost_usd": 5}, False),
        ({"cost_ceiling_hit": True}, True),
        ({"cost_ceiling_hit": True, "cost_usd": 0, "cost_ceiling_usd": 1}, True),
        ({"cost_usd": 1, "cost_ceiling_usd": 1}, False),
        ({"cost_usd": "1.000000001", "cost_ceiling_usd": 1}, True),
        ({"cost_usd": "0.000000001", "cost_ceiling_usd": 0}, True),
        ({"cost_ceiling_usd": 0}, False),
    ],
)
def test_cost_ceilings(fields, hit):
    """A ceiling is hit when the event says so, or when it cost more, by a nano-dollar (P8)."""
    assert hit_ceiling(the_event(**fields)) is hit
