"""What every command needs first: the settings, and logging as they say."""

from __future__ import annotations

import click

from tokentide import logs
from tokentide.settings import Settings, load, unknown_names

__all__ = ["settings_of"]


def settings_of(log_format: str | None) -> Settings:
    """The settings of this run, with logging set up; `log_format` from the command line is stronger than they are.

    Raises:
        SettingsError: with every problem at once.
    """
    settings = load()
    logs.configure(settings.log_level, "json" if (log_format or settings.log_format) == "json" else "text")
    for name in unknown_names():
        click.echo(f"tokentide: {name} is not a setting and is ignored (see `tokentide settings`)", err=True)
    return settings
