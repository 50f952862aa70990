"""A long run: steady load, a fault every so often, and at the end a report: `python -m tests.faults.soak --minutes 30`.

Everything is real and on this machine, bound to loopback. The exit code is 0 when nothing was lost, nothing counted
twice, every table equal to the oracle's, `tokentide reconcile` finds no difference, and the workers' memory is flat;
else 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.faults.audit import Verdict
from tests.faults.machine import wired_machine
from tests.faults.plagues import PLAGUES, WITNESS
from tests.faults.scene import Scene, rss_bytes

SETTLE_SECONDS = 120.0
WARM_SECONDS = 300.0
LEAST_SAMPLES = 8
MOST_MB_A_MINUTE = 1.0
_MB = 1 << 20


@dataclass
class Report:
    """What happened.

    Attributes:
        seed: with which it can be repeated, as far as chance goes.
        faults: how often each kind came.
        recoveries: of each kind, how long it took until everything was stored again, in seconds.
        verdicts: of each comparison.
        memory: of the worker that lived through it all: seconds since the beginning, and bytes.
        reconciled: what `tokentide reconcile` said in the end: its exit code and its words.
        problem: what ended the run early; empty when nothing did.
    """

    seed: int
    seconds: float = 0.0
    records: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    verdicts: list[Verdict] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    reconciled: tuple[int, str] = (-1, "was not asked")
    problem: str = ""

    def last(self, kind: str) -> str:
        """The latest fault in one line."""
        _, rss = self.memory[-1]
        return f"{self.seconds:6.0f} s  {kind}: recovered in {self.recoveries[kind][-1]:.1f} s, {rss / _MB:.0f} MB"

    def slope(self) -> float | None:
        """How fast memory grows once it is warm, in MB a minute; None when the run was too short to tell."""
        warm = [(at, rss) for at, rss in self.memory if at >= WARM_SECONDS]
        if len(warm) < LEAST_SAMPLES:
            return None
        times, sizes = np.array(warm, float).T
        return float(np.polyfit(times / 60, sizes / _MB, 1)[0])

    def holds(self) -> bool:
        """Whether everything is as it must be."""
        growth = self.slope()
        equal = bool(self.verdicts) and not any(v.lost or v.double or v.differences for v in self.verdicts)
        clean = equal and not self.problem and self.reconciled[0] == 0
        return clean and (growth is None or growth < MOST_MB_A_MINUTE)

    def lines(self) -> Iterator[str]:
        """The report as people read it."""
        last = self.verdicts[-1] if self.verdicts else Verdict(0, 0, 0, ("nothing was compared",))
        slowest = max((seconds for many in self.recoveries.values() for seconds in many), default=0.0)
        growth = self.slope()
        yield f"soak of {self.seconds / 60:.1f} minutes, seed {self.seed}"
        yield f"records {self.records}, events that count {last.events}"
        yield f"faults {sum(self.faults.values())}, slowest recovery {slowest:.1f} s"
        for kind, count in sorted(self.faults.items()):
            yield f"    {count:3d} x {kind}, recovered in at most {max(self.recoveries[kind], default=0.0):.1f} s"
        lost, double = (max((getattr(v, name) for v in self.verdicts), default=0) for name in ("lost", "double"))
        yield f"compared {len(self.verdicts)} times: lost {lost}, double {double}"
        yield f"tables equal: {'yes' if not any(v.differences for v in self.verdicts) else 'NO'}"
        yield from (f"    {text}" for v in self.verdicts for text in v.differences[:5])
        yield f"tokentide reconcile: exit code {self.reconciled[0]}"
        yield from ([self.reconciled[1]] if self.reconciled[0] else [])
        sizes = [rss / _MB for _, rss in self.memory] or [0.0]
        told = "too short to tell" if growth is None else f"{growth:+.2f} MB a minute after the first five"
        yield f"memory of a worker: {sizes[0]:.0f} MB first, {max(sizes):.0f} at most, {sizes[-1]:.0f} last; {told}"
        yield from ([f"ended early: {self.problem}"] if self.problem else [])
        yield "OK" if self.holds() else "FAILED"


def soak(scene: Scene, minutes: float, every_seconds: float, report: Report) -> None:
    """Let faults come, one after the other, until the time is over."""
    rng = random.Random(report.seed)
    began = settled = time.monotonic()
    scene.crew("a", "b", WITNESS)
    witness = scene.living()[-1]
    waiting: list[int] = []
    while time.monotonic() - began < minutes * 60:
        due = time.monotonic() + every_seconds
        waiting = waiting or rng.sample(range(len(PLAGUES)), len(PLAGUES))  # each kind before any comes again
        plague = PLAGUES[waiting.pop()]
        report.faults[plague.__name__] += 1
        plague(scene, rng)
        scene.machine.heal()
        over = time.monotonic()
        scene.whole()
        scene.catches_up()
        report.recoveries[plague.__name__].append(time.monotonic() - over)
        if time.monotonic() - settled > SETTLE_SECONDS:
            report.verdicts.append(scene.settle())
            settled = time.monotonic()
        report.memory.append((time.monotonic() - began, rss_bytes(witness)))
        report.seconds, report.records = time.monotonic() - began, scene.load.count
        print(report.last(plague.__name__), flush=True)
        time.sleep(max(0.0, due - time.monotonic()))  # the pace of the faults
    report.verdicts.append(scene.settle())
    report.reconciled = scene.reconciled()  # while workers and load go on
    for worker in scene.living():
        assert worker.stop() == 0


@contextmanager
def noting(report: Report) -> Iterator[None]:
    """Whatever ends the run early belongs into its report."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  the report must come, and says so
        report.problem = f"{type(error).__name__}: {error}"


def main() -> int:
    """Run, print the report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="where chance begins")
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two faults (default: 20)")
    options = parser.parse_args()
    report = Report(options.seed)
    with (
        noting(report),
        tempfile.TemporaryDirectory(prefix="tokentide-soak-") as folder,
        wired_machine(Path(folder), brokers=3) as machine,
        Scene(machine, "soak", options.seed) as scene,
        scene.loaded(),
    ):
        soak(scene, options.minutes, options.every, report)
    print("\n".join(report.lines()))
    return 0 if report.holds() else 1


if __name__ == "__main__":
    sys.exit(main())
