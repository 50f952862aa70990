"""What is to be done about a provider that fails too often, or has become slow?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tokentide.api.perf.health import ProviderAdvice

__all__ = ["Health", "advised"]

_OPERATIONAL_BELOW = Fraction(1, 100)
_SLOWER_BY = 1.25


@dataclass(frozen=True, slots=True)
class Health:
    """A provider's figures.

    Attributes:
        provider: its name.
        error_rate: share of calls that ended in an error or a time-out.
        p95_ms: of its latency.
        p95_before_ms: the same in as long a time before; 0 without calls then.
    """

    provider: str
    error_rate: Fraction
    p95_ms: float
    p95_before_ms: float


def advised(providers: Sequence[Health]) -> list[ProviderAdvice]:
    """One piece of advice for each provider that is not well, naming the best other one if there is one."""
    found = []
    for health in providers:
        wrong = list(_wrong(health))
        if wrong:
            others = [other for other in providers if other is not health]
            message = "; ".join(wrong)
            found.append(ProviderAdvice(provider=health.provider, message=message, action=_action(health, others)))
    return found


def _wrong(health: Health) -> Iterator[str]:
    if health.error_rate >= _OPERATIONAL_BELOW:
        yield f"{float(health.error_rate):.1%} of calls ended in an error or a time-out"
    if health.p95_before_ms and health.p95_ms > _SLOWER_BY * health.p95_before_ms:
        yield "p95 latency rose by more than 25% against the previous period"


def _action(health: Health, others: Sequence[Health]) -> str:
    if not others:
        return "Retry with backoff, and consider adding a second provider to fall back to"
    best = min(others, key=lambda other: (other.error_rate, other.p95_ms, other.provider))
    what = "all" if health.error_rate >= _OPERATIONAL_BELOW else "latency-sensitive"
    return f"Consider using {best.provider} for {what} calls until {health.provider} has recovered"
