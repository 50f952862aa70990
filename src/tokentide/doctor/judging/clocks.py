"""Do the clocks of this machine, ClickHouse and Kafka agree, and is log time where it should be?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tokentide.doctor.finding import Finding
from tokentide.doctor.kinds import found
from tokentide.settings import Settings

__all__ = ["Clocks", "Skew", "judge_clocks"]

_TOLERANCE_MS = 5000


@dataclass(frozen=True, slots=True)
class Skew:
    """By how much another clock is ahead of this machine's, in milliseconds: between these two, either may be open."""

    least: float
    most: float

    @property
    def sure_ms(self) -> float:
        """What is certain of it; 0 when the clocks may agree."""
        return self.least if self.least > 0 else min(0, self.most)


@dataclass(frozen=True, slots=True)
class Clocks:
    """What is known of the clocks.

    Attributes:
        store: of ClickHouse.
        kafka: of the brokers, from records that they stamped; empty when there was none to tell from.
        log_times_ms: log time of each partition, as stored.
    """

    store: Skew
    kafka: tuple[Skew, ...] = ()
    log_times_ms: Mapping[int, int | None] | None = None


def judge_clocks(settings: Settings, clocks: Clocks, now_ms: int) -> list[Finding]:
    """Which clocks differ by more than five seconds."""
    judged = [*_differs("clock_store", "ClickHouse", [clocks.store]), *_differs("clock_kafka", "Kafka", clocks.kafka)]
    ahead = {p: ms - now_ms for p, ms in (clocks.log_times_ms or {}).items() if ms is not None}
    late = sorted(partition for partition, by_ms in ahead.items() if by_ms > _TOLERANCE_MS)
    if late:
        what = f"log time is {max(ahead.values()) / 1000:.0f} seconds ahead of this machine's clock"
        judged.append(found("log_time_ahead", f"{settings.topic}[{','.join(map(str, late))}]", what))
    return judged


def _differs(kind: str, who: str, skews: Iterable[Skew]) -> Iterator[Finding]:
    by_ms = max((skew.sure_ms for skew in skews), key=abs, default=0)
    if abs(by_ms) > _TOLERANCE_MS:
        way = "ahead of" if by_ms > 0 else "behind"
        yield found(kind, who, f"at least {abs(by_ms) / 1000:.1f} seconds {way} this machine", "timedatectl status")
