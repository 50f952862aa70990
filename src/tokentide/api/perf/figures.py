"""What do calls amount to in Perf's terms? One place for what several of its endpoints say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from tokentide.api.printed import share
from tokentide.api.sums import Sums, added, sums_by

__all__ = [
    "busiest_first",
    "by_model",
    "by_task",
    "calls",
    "mean",
    "quality",
    "quality_score",
    "success_rate",
    "task_name",
]

_NO_TASK = "unknown"


def task_name(task_type: str) -> str:
    """The task that calls of a type belong to; those without a type are a task of their own."""
    return task_type or _NO_TASK


def by_task(rows: Iterable[Any], measures: tuple[str, ...]) -> dict[str, Sums]:
    """The sums of rows (task_type, *measures) by task."""
    return busiest_first(sums_by(rows, measures, key=lambda row: task_name(row[0])))


def by_model(rows: Iterable[Any], measures: tuple[str, ...]) -> dict[str, Sums]:
    """The sums of rows (model, *measures) by model."""
    return busiest_first(sums_by(rows, measures, key=lambda row: str(row[0])))


def busiest_first(parts: Mapping[str, Sums]) -> dict[str, Sums]:
    """By calls, most first; of as many, the first by name."""
    return dict(sorted(parts.items(), key=lambda item: (-item[1]["requests"], item[0])))


def calls(parts: Mapping[str, Sums]) -> int:
    """How many calls they are together."""
    return added(parts.values())["requests"]


def success_rate(sums: Sums) -> float:
    """The share of calls that were no failure; of no calls 0."""
    return share(sums["requests"] - sums["failures"], sums["requests"])


def quality_score(sums: Sums) -> Fraction | None:
    """The mean of the scores that were given, 0 to 1; None when none was."""
    return mean(sums, "quality") if sums["quality_count"] else None


def quality(sums: Sums) -> Fraction:
    """The quality score; the success rate stands for it where no score was given."""
    score = quality_score(sums)
    return Fraction(str(success_rate(sums))) if score is None else score


def mean(sums: Sums, what: str) -> Fraction:
    """The mean of what was given (`quality`, `complexity`), as it is printed: with six decimals; of nothing 0.

    Sums of scores are sums of doubles, whose last places depend on their order: rounded, equal means are equal.
    """
    count = sums[f"{what}_count"]
    return Fraction(f"{sums[f'{what}_sum'] / count:.6f}") if count else Fraction(0)
