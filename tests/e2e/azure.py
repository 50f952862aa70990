"""A production trace as events: the Azure LLM inference trace of 2023, conversations.

CC BY 4.0; Patel et al., "Splitwise: Efficient generative LLM inference using phase splitting", ISCA 2024.

The trace has times and tokens only. What else an event needs is derived by this formula, with a fixed seed:
call number i, `context` tokens read, `generated` tokens written, r one draw of `Random(2023)` after the other:

- model: gpt-4o, gpt-4o-mini or gpt-4.1 by i mod 3; project `azure`; streamed when i is even;
- latency_ms = (120 + 0.04 context + 11 generated) * (0.6 + 0.8 r), ttft_ms = (120 + 0.04 context) * (0.6 + 0.8 r) with
  the same r, both rounded to the microsecond;
- cached_tokens = context // 128 * 64 for one call in five (i mod 5 = 0), else 0;
- cost_usd = context * input price + generated * output price, in nano-dollars per token as listed below;
- status by r: below 0.012 error (of three codes, one of which is absent), 0.018 timeout, 0.026 rate_limited, 0.03
  cancelled, else success; a call that was not answered wrote no tokens and costs nothing.

Times are shifted so that the last call begins at a moment given; their seven digits below the second are kept.
"""

from __future__ import annotations

import csv
import os
from datetime import datetime
from pathlib import Path
from random import Random
from uuid import UUID

__all__ = ["azure_events"]

FILE = "azure_llm_2023_conv.csv"
CALLS = 19_366
PRICES = {"gpt-4o": (2_500, 10_000), "gpt-4o-mini": (150, 600), "gpt-4.1": (2_000, 8_000)}
CODES = ("context_length_exceeded", "server_error", None)


def trace_file():
    """The trace: in the folder TOKENTIDE_TEST_DATA, or in ../shared/data beside the repository."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("TOKENTIDE_TEST_DATA", root.parent / "shared" / "data"))
    file = folder / FILE
    assert file.is_file(), (
        f"{file} is missing: this test needs the Azure LLM inference trace 2023 (conversations). Set "
        "TOKENTIDE_TEST_DATA to the folder that holds it."
    )
    return file


def azure_events(end):
    """The calls of the trace as events, in order; the last begins at `end`, an aware datetime in UTC."""
    with trace_file().open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == CALLS
    shift = end.replace(tzinfo=None) - _moment(rows[-1]["TIMESTAMP"])
    rng = Random(2023)
    return [_event(number, row, shift, rng) for number, row in enumerate(rows)]


def _event(number, row, shift, rng):
    context, generated = int(row["ContextTokens"]), int(row["GeneratedTokens"])
    model = tuple(PRICES)[number % 3]
    speed, fate = 0.6 + 0.8 * rng.random(), rng.random()
    moment = (_moment(row["TIMESTAMP"]) + shift).isoformat(timespec="microseconds")
    event = {
        "event_id": str(UUID(int=(2023 << 100) + number, version=4)),
        "project_id": "azure",
        "timestamp": moment + row["TIMESTAMP"][-1] + "Z",
        "provider": "azure",
        "model": model,
        "latency_ms": round((120 + 0.04 * context + 11 * generated) * speed, 3),
        "input_tokens": context,
        "cached_tokens": context // 128 * 64 if number % 5 == 0 else 0,
    }
    if number % 2 == 0:
        event |= {"stream": True, "ttft_ms": round((120 + 0.04 * context) * speed, 3)}
    return event | _outcome(fate, number, generated, _cost(model, context, generated))


def _outcome(fate, number, generated, cost):
    if fate < 0.012:
        code = CODES[number % len(CODES)]
        return {"status": "error"} | ({"error_code": code} if code else {})
    for limit, status in ((0.018, "timeout"), (0.026, "rate_limited"), (0.03, "cancelled")):
        if fate < limit:
            return {"status": status}
    return {"status": "success", "output_tokens": generated, "cost_usd": cost}


def _cost(model, context, generated):
    read, written = PRICES[model]
    return (context * read + generated * written) / 1_000_000_000


def _moment(text):
    """The trace's time to the microsecond; its seventh digit is put back as text."""
    return datetime.fromisoformat(text[:-1])
