"""What commands share: the settings, logging as they say, often the store, and how a moment is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from tokentide import logs
from tokentide.errors import QueryError
from tokentide.settings import Settings, load, unknown_names

if TYPE_CHECKING:  # the store's client takes long to import
    from tokentide.store.port import Store

__all__ = ["moment", "opened_store", "settings_of"]


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


def moment(text: str, option: str) -> int:
    """An option's RFC 3339 text in milliseconds since the epoch.

    Raises:
        click.BadParameter: it is none, which names the option.
    """
    from tokentide.events.values import epoch_ms

    try:
        return epoch_ms(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


@contextmanager
def opened_store(log_format: str | None) -> Iterator[Store]:
    """The store of the settings; what cannot be asked of it is a wrong use of the command."""
    from tokentide.store import open_store

    settings = settings_of(log_format)
    opened = open_store(settings.clickhouse_dsn, settings.database, cluster=settings.cluster)
    try:
        with closing(opened) as store:
            yield store
    except QueryError as error:
        raise click.UsageError(str(error)) from error
