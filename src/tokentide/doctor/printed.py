"""How does the report look on a terminal?"""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from tokentide.doctor.report import Report

__all__ = ["printed"]

_COLOURS = {"problem": "bold red", "advice": "yellow"}


def printed(report: Report) -> Group:
    """Each finding as a block: what and where, what it means, what to do; then what could not be looked at."""
    return Group(*_blocks(report), *_unseen(report), Text(report.summary()))


def _blocks(report: Report) -> Iterator[RenderableType]:
    for finding in report.findings:
        kind = finding.kind
        yield Text.assemble(
            (kind.severity, _COLOURS[kind.severity]), f"  {kind.name}  ", (finding.where, "bold"), f": {finding.what}"
        )
        lines = [f"{kind.meaning[:1].upper()}{kind.meaning[1:]}.", f"→ {kind.remedy}"]
        yield Padding(Text("\n".join(lines)), (0, 0, 0, 4))
        if finding.command:
            yield Padding(Text.from_markup(f"[bold]$ {escape(finding.command)}[/bold]"), (0, 0, 0, 6))
        yield Text("")


def _unseen(report: Report) -> Iterator[RenderableType]:
    for check in report.checks:
        if check.state == "not run":
            yield Text(f"not looked at: {check.name}: {check.why}", style="dim")
    for note in report.notes:
        yield Text(f"note: {note}", style="dim")
