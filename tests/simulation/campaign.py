"""How are very many schedules played, on every core, and what did they find?"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.simulation.schedule import Profile, run

__all__ = ["Campaign", "campaign"]

_AT_ONCE = 128


@dataclass(slots=True)
class Campaign:
    """What many schedules found.

    Attributes:
        schedules: how many were played.
        seconds: how long it took.
        findings: what was wrong, by seed.
    """

    schedules: int
    seconds: float = 0.0
    findings: dict[int, list[str]] = field(default_factory=dict)

    def report(self) -> str:
        """The rate, and how to see again what failed."""
        rate = self.schedules / max(self.seconds, 1e-9)
        lines = [
            f"{self.schedules} schedules in {self.seconds:.1f} s, {rate:.0f} a second; {len(self.findings)} went wrong"
        ]
        for seed, found in sorted(self.findings.items())[:10]:
            lines += [
                f"seed {seed}, again by: python -m tests.simulation {seed}",
                *(f"    {each}" for each in found[:5]),
            ]
        return "\n".join(lines)


def campaign(first: int, count: int, processes: int | None = None) -> Campaign:
    """Play the schedules of so many seeds, from the first on."""
    made = Campaign(count)
    began = time.perf_counter()
    blocks = [range(begin, min(begin + _AT_ONCE, first + count)) for begin in range(first, first + count, _AT_ONCE)]
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for found in pool.map(_findings, blocks):
            made.findings |= found
    made.seconds = time.perf_counter() - began
    return made


def _findings(seeds: range) -> dict[int, list[str]]:
    gc.disable()  # a seventh of the time; what one block leaves is little
    try:
        return dict(_wrong(seeds))
    finally:
        gc.enable()


def _wrong(seeds: range) -> Iterator[tuple[int, list[str]]]:
    for seed in seeds:
        found = run(seed, Profile())
        if found:
            yield seed, found
