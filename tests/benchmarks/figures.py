"""What was measured: a figure, the table that people read, and the file that scripts read."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Figure", "MissingFigure", "quotient", "show", "write"]

Mode = Literal["full", "short"]


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        id: B1 to B13.
        part: which of the figures of that id.
        value: what was reached.
        unit: of the value.
        asked: what is asked; None where it is only measured.
        ours: where the value is a quotient, our side of it.
        reference: and the other side.
        reference_name: what that is.
        runs: every single value that the medians are of: ours, or (ours, reference).
        at_most: whether the value should be below what is asked, rather than above.
    """

    id: str
    part: str
    value: float
    unit: str
    asked: float | None = None
    ours: float | None = None
    reference: float | None = None
    reference_name: str = ""
    runs: Sequence[object] = ()
    at_most: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether what is asked was reached; None where nothing is."""
        if self.asked is None:
            return None
        return self.value <= self.asked if self.at_most else self.value >= self.asked


@dataclass(frozen=True)
class MissingFigure:
    """A figure that could not be measured, which counts as not reached, and why."""

    id: str
    reason: str


def quotient(name: str, part: str, pairs: Sequence[tuple[float, float]], reference_name: str, asked: float) -> Figure:
    """The median of the quotients of (ours, reference): what slows the machine down slows both of a pair."""
    ours, reference = (statistics.median(side) for side in zip(*pairs, strict=True))
    value = round(statistics.median(one / other for one, other in pairs), 2)
    return Figure(name, part, value, "x", asked, round(ours), round(reference), reference_name, pairs)


def show(found: Sequence[Figure | MissingFigure]) -> None:
    """Print a table."""
    print(f"{'':5}{'part':8}{'reached':>12}{'asked':>12}  {'ours':>12}{'reference':>12}  of")
    for figure in found:
        if isinstance(figure, MissingFigure):
            print(f"{figure.id:5}NOT MEASURED, and so not reached: {figure.reason}")
            continue
        asked = "" if figure.asked is None else f"{'<' if figure.at_most else '≥'} {figure.asked:g}"
        verdict = {None: "", True: "", False: "  MISSED"}[figure.holds]
        sides = [f"{side:,.0f}" if side is not None else "" for side in (figure.ours, figure.reference)]
        reached = f"{figure.value:,.4g} {figure.unit}" if figure.value < 1e4 else f"{figure.value:,.0f} {figure.unit}"
        print(
            f"{figure.id:5}{figure.part:8}{reached:>12}{asked:>12}  {sides[0]:>12}{sides[1]:>12}  "
            f"{figure.reference_name}{verdict}"
        )


def write(path: Path, mode: Mode, seconds: float, found: Sequence[Figure | MissingFigure]) -> None:
    """Write what was measured, where, and of what."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    machine = {
        "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    figures = [
        {**asdict(figure), "holds": figure.holds} if isinstance(figure, Figure) else {**asdict(figure), "holds": False}
        for figure in found
    ]
    told = {"mode": mode, "seconds": round(seconds, 1), "machine": machine, "commit": commit, "figures": figures}
    path.write_text(json.dumps(told, indent=2) + "\n")
