"""Which columns do LLM calls have, and which of them do other kinds of event share?"""

from __future__ import annotations

from tokentide.store.queries.catalogue import (
    ENUM_OPERATORS,
    NUMBER_OPERATORS,
    TEXT_OPERATORS,
    Column,
    Function,
    Held,
    Measure,
    Operator,
    Unit,
    Values,
)

__all__ = ["CACHE_COLUMNS", "CALL_COLUMNS", "IS_FAILURE", "LATENCY", "STATUS_CODE"]

_TEXT, _NUMBER = Values.TEXT, Values.NUMBER
_COUNTS = (Function.COUNT, Function.COUNT_DISTINCT)
_ALL = tuple(Function)
_LATENCY_US = "toUInt64(round(latency_ms * 1000))"
_COST_NANOS = "reinterpret(cost_usd, 'UInt64')"
_SAVINGS_NANOS = "reinterpret(assumeNotNull(potential_cost_savings), 'UInt64')"

LATENCY = Column(
    "latencyMs",
    "how long the call took, end to end, in milliseconds",
    _NUMBER,
    "latency_ms",
    _ALL,
    operators=NUMBER_OPERATORS,
    always=True,
    measure=Measure(Unit.MICROS, _LATENCY_US, _LATENCY_US),
    held=Held(total="latency_us", most="latency_us_max", digest="latency"),
)
STATUS_CODE = Column(
    "httpStatusCode", "the HTTP status of the answer", _NUMBER, "http_status", operators=NUMBER_OPERATORS
)
IS_FAILURE = Column(
    "isFailure",
    "whether the call ended without success",
    Values.FLAG,
    "status != 'success'",
    operators=(Operator.EQUAL,),
    always=True,
)

CALL_COLUMNS = (
    Column(
        "modelName",
        "the model that answered",
        _TEXT,
        "model",
        _COUNTS,
        groups=True,
        operators=TEXT_OPERATORS,
        always=True,
        held=Held(value="model"),
    ),
    Column(
        "virtualModel",
        "the virtual model of its own row; null on the row of a concrete model",
        _TEXT,
        "virtual_model",
        _COUNTS,
        groups=True,
    ),
    Column(
        "virtualModelName",
        "the same, to filter by: IS_NULL true counts the rows of concrete models alone",
        _TEXT,
        "virtual_model",
        operators=(*TEXT_OPERATORS, Operator.IS_NULL),
    ),
    Column(
        "providerModelName",
        "the model's name at its provider",
        _TEXT,
        "provider_model_name",
        _COUNTS,
        groups=True,
        operators=TEXT_OPERATORS,
    ),
    Column(
        "providerAccountType",
        "the kind of account at the provider",
        _TEXT,
        "provider_account_type",
        groups=True,
        operators=ENUM_OPERATORS,
    ),
    Column(
        "requestType",
        "chat, embed, tool, agent, completion, rerank or custom",
        _TEXT,
        "operation",
        groups=True,
        operators=TEXT_OPERATORS,
        always=True,
    ),
    Column(
        "errorCode",
        "what went wrong, as a code",
        _TEXT,
        "error_code",
        (Function.COUNT,),
        groups=True,
        operators=TEXT_OPERATORS,
    ),
    STATUS_CODE,
    IS_FAILURE,
    Column(
        "traceId",
        "the trace that the call belongs to",
        _TEXT,
        "trace_id",
        operators=(Operator.EQUAL, Operator.IN),
    ),
    Column(
        "costInUSD",
        "what the call cost, in dollars",
        _NUMBER,
        "toFloat64(cost_usd)",
        _ALL,
        always=True,
        measure=Measure(Unit.NANOS, _COST_NANOS, _COST_NANOS),
        held=Held(total="cost_nanos"),
    ),
    Column(
        "inputTokens",
        "tokens read, cached ones included",
        _NUMBER,
        "input_tokens",
        _ALL,
        operators=NUMBER_OPERATORS,
        always=True,
        measure=Measure(Unit.COUNT, "toUInt64(input_tokens)", "input_tokens"),
        held=Held(total="input_tokens"),
    ),
    Column(
        "outputTokens",
        "tokens written",
        _NUMBER,
        "output_tokens",
        _ALL,
        operators=NUMBER_OPERATORS,
        always=True,
        measure=Measure(Unit.COUNT, "toUInt64(output_tokens)", "output_tokens"),
        held=Held(total="output_tokens"),
    ),
    LATENCY,
    Column(
        "timeToFirstTokenMs",
        "time to the first token, in milliseconds",
        _NUMBER,
        "ttft_ms",
        _ALL,
        measure=Measure(Unit.MILLIS, "ifNull(ttft_ms, 0)", "ttft_ms"),
    ),
    Column(
        "interTokenLatencyMs",
        "mean time between two tokens, in milliseconds",
        _NUMBER,
        "inter_token_latency_ms",
        _ALL,
        measure=Measure(Unit.MILLIS, "ifNull(inter_token_latency_ms, 0)", "inter_token_latency_ms"),
    ),
    Column(
        "timePerOutputTokenLatencyMs",
        "mean time for one output token, in milliseconds",
        _NUMBER,
        "time_per_output_token_ms",
        _ALL,
        measure=Measure(Unit.MILLIS, "ifNull(time_per_output_token_ms, 0)", "time_per_output_token_ms"),
    ),
)

CACHE_COLUMNS = (
    Column(
        "cacheType",
        "the kind of the gateway's cache",
        _TEXT,
        "cache_type",
        groups=True,
        operators=(Operator.IN, Operator.NOT_IN),
    ),
    Column("cacheNamespace", "the part of that cache", _TEXT, "cache_namespace", groups=True, operators=TEXT_OPERATORS),
    Column(
        "cacheLookupStatus",
        "how the look-up ended: hit, miss or error",
        _TEXT,
        "cache_lookup_status",
        groups=True,
        operators=TEXT_OPERATORS,
    ),
    Column(
        "potentialCostSavings",
        "what a hit saves, in dollars",
        _NUMBER,
        "toFloat64(potential_cost_savings)",
        _ALL,
        measure=Measure(
            Unit.NANOS,
            f"if(potential_cost_savings IS NULL, 0, {_SAVINGS_NANOS})",
            f"if(potential_cost_savings IS NULL, NULL, {_SAVINGS_NANOS})",
        ),
    ),
    Column(
        "cacheReadInputTokens",
        "input tokens read from the provider's prompt cache",
        _NUMBER,
        "cached_tokens",
        _ALL,
        operators=NUMBER_OPERATORS,
        always=True,
        measure=Measure(Unit.COUNT, "toUInt64(cached_tokens)", "cached_tokens"),
    ),
    Column(
        "cacheCreationInputTokens",
        "input tokens written to the provider's prompt cache",
        _NUMBER,
        "cache_write_tokens",
        _ALL,
        operators=NUMBER_OPERATORS,
        always=True,
        measure=Measure(Unit.COUNT, "toUInt64(cache_write_tokens)", "cache_write_tokens"),
    ),
    Column(
        "cacheLookupLatencyMs",
        "time of the look-up, in milliseconds",
        _NUMBER,
        "cache_lookup_latency_ms",
        _ALL,
        measure=Measure(Unit.MILLIS, "ifNull(cache_lookup_latency_ms, 0)", "cache_lookup_latency_ms"),
    ),
)
