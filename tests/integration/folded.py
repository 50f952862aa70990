"""Made-up events, folded and stored as the worker would: what tests ask questions about."""

from __future__ import annotations

import json
from random import Random
from uuid import UUID

from tests.fakes import FakeRecord
from tokentide.events import Limits, read_stretch
from tokentide.rollups import FoldSettings, PartitionState, Position
from tokentide.store.rows import batches, write

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
START_MS = 1_793_491_200_000  # 2026-11-01T00:00:00Z
HOURS = 3
PARTITIONS = 2


def made_up_events(seed, count, latencies_ms=(0.0005, 1.0015, 2.5)):
    """Events with every field that a measure looks at, there and not; none in the last millisecond of a minute."""
    rng = Random(seed)

    def maybe(**fields):
        return {name: value for name, value in fields.items() if rng.random() < 0.5}

    for number in range(count):
        at_ms = rng.randrange(HOURS * 60) * 60_000 + rng.choice([0, rng.randrange(59_999)])
        minutes, millis = divmod(at_ms, 60_000)
        read = rng.randrange(5000)
        yield {
            "event_id": str(UUID(int=rng.getrandbits(128))),
            "project_id": rng.choice(["p", "q"]),
            "timestamp": f"2026-11-01T{minutes // 60:02}:{minutes % 60:02}:{millis // 1000:02}.{millis % 1000:03}Z",
            "kind": "agent" if number % 23 == 0 else "llm",
            "provider": rng.choice(["openai", "anthropic"]),
            "model": rng.choice(["gpt-4o", "claude", "it's"]),
            "status": rng.choice(["success", "success", "error", "timeout", "rate_limited", "cancelled"]),
            "latency_ms": rng.choice([round(rng.random() * 1e4, 3), *latencies_ms]),
            "input_tokens": read,
            "output_tokens": rng.randrange(900),
            "cost_usd": rng.choice([rng.random(), "0.000000001", "123456.123456789", 0]),
        } | maybe(
            virtual_model="best" if number % 5 == 0 else None,
            requested_model=rng.choice(["gpt-4o", "claude"]),
            error_code=rng.choice(["overloaded", ""]),
            stream=True,
            ttft_ms=round(rng.random() * 500, 3),
            cached_tokens=read // 2,
            cache_write_tokens=7,
            reasoning_tokens=11,
            finish_reason=rng.choice(["length", "content_filter", "stop"]),
            agent_id=rng.choice(["a", "b", ""]),
            task_type=rng.choice(["code", "extraction"]),
            complexity=rng.random(),
            quality_score=rng.random(),
            validation_passed=rng.random() < 0.5,
            routing_correct=rng.random() < 0.5,
            fallback_used=True,
            cost_ceiling_hit=rng.random() < 0.2,
            cost_ceiling_usd=rng.choice(["0.000000001", 0.5, 1e6]),
            model_pinned=True,
            retry_count=rng.randrange(3),
            failure_mode=rng.choice(["format_violation", "refusal", "hallucination", "incomplete", "reasoning_error"]),
            recovered_by=rng.choice(["retry", "fallback"]),
        )


def fold_into(store, events, now_ms=START_MS + DAY_MS):
    """Store what the worker would, from several partitions; the log: (partition, offset, record time, event)."""
    limits = Limits()
    log = []
    states = [PartitionState(number, FoldSettings(), Position()) for number in range(PARTITIONS)]
    for number, event in enumerate(events):
        partition = number % PARTITIONS
        value = json.dumps(event).encode()
        stretch = read_stretch([FakeRecord(number, now_ms, value)], limits)
        assert not stretch.refusals
        states[partition].fold(stretch)
        log.append((partition, number, now_ms, event))
    for batch in batches([state.snapshot() for state in states]):
        write(store, batch)
        write(store, batch)  # a repeated insert changes no answer
    return log
