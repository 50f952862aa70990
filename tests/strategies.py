"""Hypothesis strategies for events as JSON documents, and the profiles that tests run under.

A document is a list of (name, JSON text) pairs: names may repeat, and a number keeps its spelling. `VALID` says for
each field of the contract what may stand there, `EDGES` what just may, `WRONG` what makes the event a refused one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.builders import AT_MS, rfc3339

__all__ = [
    "EDGES",
    "HOSTILE",
    "VALID",
    "WRONG",
    "Document",
    "damaged",
    "documents",
    "mutated_documents",
    "render",
    "texts",
    "timestamps",
    "whitespace",
]

Document = list[tuple[str, str]]

_UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("moderate", max_examples=100, derandomize=True, **_UNHURRIED)
settings.register_profile("thorough", max_examples=1000, **_UNHURRIED)
settings.load_profile(os.environ.get("TOKENTIDE_HYPOTHESIS", "moderate"))

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
whitespace = st.sampled_from(["", "", "", " ", "\t", "\r", "  \t"])


def _quoted(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])


def _some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """The JSON text of a value."""
    return strategy.flatmap(lambda value: _quoted(value) if isinstance(value, str) else st.just(json.dumps(value)))


@st.composite
def timestamps(draw: st.DrawFn, around_ms: int = AT_MS, within_ms: int = 600_000) -> str:
    """A moment near another, in any spelling that RFC 3339 allows."""
    ms = around_ms + draw(st.integers(-within_ms, within_ms))
    sign, hours, minutes = draw(st.sampled_from("+-")), draw(st.integers(0, 23)), draw(st.integers(0, 59))
    zone = draw(st.sampled_from(["Z", "Z", "z", f"{sign}{hours:02}:{minutes:02}"]))
    if zone not in {"Z", "z"}:
        ms += (1 if sign == "+" else -1) * (hours * 60 + minutes) * 60_000
    text = rfc3339(ms)[:-1]
    more = draw(st.sampled_from(["", "", "0", "9", "999", "4999999", "999999999999"]))
    text = text[:-4] if text.endswith(".000") and not more and draw(st.booleans()) else text + more
    return text[:10] + draw(st.sampled_from("TTTt ")) + text[11:] + zone


_TEXT = _some(texts)
_NAME = _some(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
_BOOL = st.sampled_from(["true", "false"])
_COUNT = _some(st.integers(0, 2_147_483_647) | st.integers(0, 5000))
_MILLISECONDS = _some(
    st.floats(0, 1e9) | st.integers(0, 1_000_000_000) | st.integers(0, 10**7).map(lambda us: us / 1000)
) | st.sampled_from(["1e3", "1E-2", "0.1e+1", "-0.0", "-0", "1e-400", "-1e-400"])
_SHARE = _some(st.floats(0, 1) | st.sampled_from([0, 1])) | st.sampled_from(["1.0", "-0.0", "1e-1"])
_AMOUNT = st.decimals(0, 1_999_999, places=9).map(lambda amount: format(amount, "f"))
_COST = (
    _AMOUNT
    | _AMOUNT.map(json.dumps)
    | _some(st.integers(0, 999_999_999) | st.floats(0, 999_999_999))
    | st.sampled_from(["1e-9", "-0.0", "0.0000000005", '"0.0000000015"', '"12e-3"', "1e-400", '"1E+2"'])
)
_NESTED = st.recursive(
    st.integers(0, 9) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
_LABEL = _TEXT | _some(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _NESTED
).filter(lambda text: len(text) < 1000)


def _object(entries: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}: {text}" for name, text in entries) + "}"


_LABELS = st.lists(st.tuples(texts, _LABEL), max_size=3).map(_object)


def _names(words: str) -> list[str]:
    return words.split()


def _one_of(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from([json.dumps(word) for word in words])


_STRINGS = _names(
    "org_id trace_id span_id parent_span_id requested_model virtual_model provider_model_name provider_account_type"
    " operation error_code error_message finish_reason agent_id agent_name agent_framework agent_server_type session_id"
    " user_id subject_slug environment sdk_version prompt_hash span_kind task_type failure_trigger cache_type"
    " cache_namespace mcp_server_name mcp_method tool_name guardrail_name guardrail_result applied_on_entity_scope"
    " config_type config_status target_model loadbalance_rule_id ratelimit_rule_id budget_rule_id"
)
_COUNTS = _names(
    "attempt input_tokens output_tokens cached_tokens cache_write_tokens reasoning_tokens retry_count"
    " loadbalance_target_attempt_count"
)
_DURATIONS = _names("latency_ms ttft_ms inter_token_latency_ms time_per_output_token_ms cache_lookup_latency_ms")
_BOOLS = _names("stream validation_passed routing_correct fallback_used cost_ceiling_hit model_pinned")
_COSTS = _names("cost_usd cost_ceiling_usd potential_cost_savings")

VALID: dict[str, st.SearchStrategy[str]] = {
    "event_id": st.uuids().flatmap(lambda u: st.sampled_from([f'"{u}"', f'"{u.hex}"', f'"{str(u).upper()}"'])),
    "project_id": _NAME,
    "timestamp": timestamps().map(json.dumps),
    "kind": _one_of("llm", "llm", "llm", "mcp", "guardrail", "config", "agent"),
    "provider": _NAME,
    "model": _NAME,
    "status": _one_of("success", "error", "timeout", "rate_limited", "cancelled"),
    "http_status": _some(st.integers(0, 999)),
    "subject_type": _one_of("user", "virtualaccount"),
    "teams": st.lists(_TEXT, max_size=3).map(lambda items: "[" + ",".join(items) + "]"),
    "tags": _LABELS,
    "metadata": _LABELS,
    "sample_rate": _some(st.floats(0, 1, exclude_min=True)),
    "complexity": _SHARE,
    "quality_score": _SHARE,
    "failure_mode": _one_of("format_violation", "refusal", "hallucination", "incomplete", "reasoning_error"),
    "recovered_by": _one_of("retry", "fallback"),
    "cache_lookup_status": _one_of("hit", "miss", "error"),
    **dict.fromkeys(_STRINGS, _TEXT),
    **dict.fromkeys(_COUNTS, _COUNT),
    **dict.fromkeys(_DURATIONS, _MILLISECONDS),
    **dict.fromkeys(_BOOLS, _BOOL),
    **dict.fromkeys(_COSTS, _COST),
}
"""What each field may hold, as JSON text."""

_REQUIRED = ("event_id", "project_id", "timestamp", "status", "latency_ms")
_NEEDED_BY_SOME_KIND = ("provider", "model", "mcp_server_name", "mcp_method", "guardrail_name", "config_type")
_ALWAYS = frozenset((*_REQUIRED, *_NEEDED_BY_SOME_KIND))

EDGES: dict[str, Sequence[str]] = {
    "event_id": ['"00000000-0000-0000-0000-000000000000"', '"ffffffffffffffffffffffffffffffff"'],
    "project_id": [json.dumps("x" * 128), '"\\u0000"', '"\\ud83d\\ude00"'],
    "provider": [json.dumps("é" * 256), '" "'],
    "error_message": [json.dumps("\N{GRINNING FACE}" * 500), '""'],
    "http_status": ["0", "-0", "999"],
    "metadata": [
        json.dumps({str(n): "v" for n in range(64)}),
        json.dumps({"k": "x" * 1024}),
        json.dumps({"k": [0] * 511}),  # 1023 characters as compact JSON
        '{"k":' + "9" * 1024 + "}",
        '{"a":1,"a":2,"":null}',
    ],
    "sample_rate": ["5e-324", "1", "1.0"],
    **dict.fromkeys(_COUNTS, ("0", "-0", "2147483647")),
    **dict.fromkeys(_DURATIONS, ("0", "-0.0", "1e9", "1000000000", "5e-324")),
    **dict.fromkeys(_COSTS, ("0", "-0.0", "999999999", '"999999999.0000000000"', '"0e999"', "999999998.999999999")),
}
"""Values at the edge of what a field may hold."""

_NO_TEXT = ["0", "1.5", "true", "[]", "{}"]
_NO_NUMBER = ['"5"', '""', "true", "false", "[]", "{}"]
WRONG: dict[str, Sequence[str]] = {
    "event_id": [
        "null",
        "5",
        '""',
        '"550e8400-e29b-41d4-a716-44665544002"',
        '"550e8400e-29b-41d4-a716-446655440020"',
        '"{550e8400-e29b-41d4-a716-446655440020}"',
        '"urn:uuid:550e8400-e29b-41d4-a716-446655440020"',
    ],
    "project_id": ["null", '""', json.dumps("x" * 129), *_NO_TEXT],
    "timestamp": [
        "null",
        "1776679293",
        '"1776679293"',
        '"12"',
        '"2026-04-20"',
        '"2026-04-20T10:01:33"',
        '"2026-04-20T10:01Z"',
        '"2026-04-20T10:01:60Z"',
        '"2026-04-20T24:00:00Z"',
        '"2026-02-29T10:01:33Z"',
        '"2026-04-20T10:01:33.Z"',
        '"2026-04-20T10:01:33,5Z"',
        '"2026-04-20T10:01:33+0200"',
        '"2026-04-20T10:01:33+24:00"',
        '"2026-04-20T10:01:33+02:60"',
        '"2026-04-20T10:01:33.000Z "',
        '"2026-04-20T10:01:33.000Z\\n"',
        '"\\uff12026-04-20T10:01:33.000Z"',
        '"1969-12-31T23:59:59.999Z"',
        '"2106-01-01T00:00:00Z"',
        '"0000-01-01T00:00:00Z"',
    ],
    "kind": ['"LLM"', '""', "1"],
    "status": ["null", '"ok"', "true"],
    "provider": ['""', json.dumps("x" * 257), *_NO_TEXT],
    "model": ['""', json.dumps("x" * 257), *_NO_TEXT],
    "error_message": [json.dumps("x" * 501), *_NO_TEXT],
    "http_status": ["-1", "1000", "2e2", *_NO_NUMBER],
    "teams": ['"a"', "[1]", "[null]", "{}"],
    "metadata": [
        "[]",
        '"a"',
        "5",
        json.dumps({str(n): "v" for n in range(65)}),
        json.dumps({"k": "x" * 1025}),
        json.dumps({"k": [0] * 512}),
        '{"k":' + "9" * 1025 + "}",
        '{"k":1e400}',
    ],
    "tags": ["[]", json.dumps({"k": "x" * 1025})],
    "sample_rate": ["0", "-0.0", "1.0000001", "1e-400", *_NO_NUMBER],
    "subject_type": ['"team"'],
    "failure_mode": ['"provider_error"', '""'],
    "recovered_by": ['"luck"'],
    "cache_lookup_status": ['"none"'],
    **dict.fromkeys(("complexity", "quality_score"), ("-1e-300", "1.0000001", "1e400", *_NO_NUMBER)),
    **dict.fromkeys((name for name in _STRINGS if name != "error_message"), _NO_TEXT),
    **dict.fromkeys(_COUNTS, ("-1", "1.0", "1e2", "2147483648", "9" * 30, "9" * 400, "9" * 5000, *_NO_NUMBER)),
    **dict.fromkeys(
        _DURATIONS, ("-1e-300", "-1", "1000000001", "1e9000", "9" * 30, "9" * 400, "9" * 5000, *_NO_NUMBER)
    ),
    **dict.fromkeys(_BOOLS, ('"true"', "0", "1", "{}")),
    **dict.fromkeys(
        _COSTS,
        (
            "-0.000000001",
            "1000000000",
            "9" * 5000,
            '"-1"',
            '"+1"',
            '"1,5"',
            '" 1"',
            '"NaN"',
            '"1e1000"',
            '""',
            "true",
            "{}",
        ),
    ),
}
"""Values that make the event a refused one."""

HOSTILE = [
    "NaN",
    "-Infinity",
    "1e400",
    "9" * 5000,
    "01",
    "1.",
    "tru",
    "'a'",
    '"\\x"',
    '"\\ud800"',
    '"\\ud800\\u0041"',
    '"\\u0000"',
    '"a\x00b"',
    '"a\nb"',
    '"\ufeff"',
    "[1,]",
    '{"a":1,}',
    "{1:2}",
    '{"a":1,"a":{}}',
    "[" * 100 + "]" * 100,
    "[" * 100,
    "null",
    '"',
    "",
]
"""JSON texts, and what only looks like them, to be put anywhere."""


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A valid event, with any of the optional fields, and some unknown ones."""
    names = [*_ALWAYS, *draw(st.lists(st.sampled_from(sorted(VALID.keys() - _ALWAYS)), unique=True, max_size=12))]
    document = [(name, draw(st.sampled_from(EDGES[name]) if draw(_rarely(name)) else VALID[name])) for name in names]
    if draw(st.booleans()):
        document.append(("unknown " + draw(texts), draw(_LABEL)))
        document.append((draw(st.sampled_from(["event_time_ms", "cost_nanos", "log_offset"])), draw(_LABEL)))
    tokens = {name: text for name, text in document if name in {"cached_tokens", "input_tokens"}}
    if int(tokens.get("cached_tokens", 0)) > int(tokens.get("input_tokens", 0)):
        document.append(("input_tokens", tokens["cached_tokens"]))  # the last of a name counts
    return draw(st.permutations(document)) if len({name for name, _ in document}) == len(document) else document


def _rarely(name: str) -> st.SearchStrategy[bool]:
    return st.sampled_from([False, False, False, True]) if name in EDGES else st.just(False)


@st.composite
def mutated_documents(draw: st.DrawFn) -> Document:
    """A valid event with some field left out, repeated, or given a value that it may not have."""
    document = list(draw(documents()))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(document) - 1))
        name, text = document[place]
        change = draw(st.sampled_from(["drop", "repeat", "null", "wrong", "other", "hostile"]))
        if change == "drop":
            del document[place]
        elif change == "repeat":
            document.append((name, text))
        elif change == "null":
            document[place] = name, "null"
        elif change == "wrong":
            document[place] = name, draw(st.sampled_from(WRONG.get(name, ["null"])))
        elif change == "other":
            document[place] = name, draw(VALID[draw(st.sampled_from(sorted(VALID)))])
        else:
            document[place] = name, draw(st.sampled_from(HOSTILE))
    return document


@st.composite
def render(draw: st.DrawFn, document: Document) -> bytes:
    """The bytes of a document, with whitespace anywhere."""
    space = [draw(whitespace) for _ in range(4)]
    pairs = [f"{space[0]}{json.dumps(name)}{space[1]}:{space[2]}{text}" for name, text in document]
    return ("{" + f"{space[3]},".join(pairs) + "}").encode()


@st.composite
def damaged(draw: st.DrawFn, text: bytes) -> bytes:
    """The bytes with a few of them removed, repeated or replaced."""
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 4)))
        put = draw(
            st.binary(max_size=2) | st.sampled_from([text[begin:end] * 2, b'"', b"{", b"}", b",", b"\\", b"\xff"])
        )
        text = text[:begin] + put + text[end:]
    return text
