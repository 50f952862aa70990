"""How is a plan read? As lines of text: the figures with what they assume, then what is out of reach."""

from __future__ import annotations

from collections.abc import Iterator

from tokentide.capacity.planning import Figure, Plan

__all__ = ["lines"]

_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_WHOLE_FROM = 100


def lines(plan: Plan) -> Iterator[str]:
    """The report."""
    part = ""
    for figure in plan.figures:
        if figure.part != part:
            part = figure.part
            yield part
        yield f"  {figure.name:<30}{_value(figure):>18}   {figure.assumes}"
    for warning in plan.warnings:
        yield f"! {warning}"


def _value(figure: Figure) -> str:
    """At most three figures of it, and the unit."""
    if figure.unit.startswith("bytes"):
        scale, letter = next(step for step in _STEPS if figure.value >= step[0] or step[0] == 1.0)
        return f"{figure.value / scale:.3g} {letter}B{figure.unit.removeprefix('bytes')}"
    return f"{_short(figure.value)} {figure.unit}"


def _short(number: float) -> str:
    if number == round(number) or number >= _WHOLE_FROM:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 1 else f"{number:.2f}"
