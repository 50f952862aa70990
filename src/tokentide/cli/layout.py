"""How is `--help` laid out? Commands by what one wants, and examples below the options."""

from __future__ import annotations

import click

__all__ = ["Sectioned", "examples"]

_SECTIONS = {
    "Try it": ("up", "demo"),
    "Run it": ("migrate", "worker", "api", "settings", "doctor", "capacity"),
    "Send and ask": ("ingest", "llm"),
    "Who may": ("keys", "account"),
    "Check and repair": ("reconcile", "rebuild", "dead"),
}
_REST = "More"


class Sectioned(click.Group):
    """A group whose commands are listed under headings; one that belongs to none comes last."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the headings that have commands, with these in the order of `_SECTIONS`."""
        placed = {name for names in _SECTIONS.values() for name in names}
        rest = tuple(name for name in self.list_commands(ctx) if name not in placed)
        longest = max(map(len, self.commands), default=0)
        for heading, names in (_SECTIONS | {_REST: rest}).items():
            rows = [
                (name.ljust(longest), self.commands[name].get_short_help_str(formatter.width))
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


def examples(*lines: str) -> str:
    """The end of a help text: command lines as they are typed."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
