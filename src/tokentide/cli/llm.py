"""`tokentide llm`: the figures of the read API on a terminal, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from tokentide.cli.layout import examples

__all__ = ["llm"]

_RECENT = 10


def _asking(command: Callable[..., None]) -> Callable[..., None]:
    """The options that all three share."""
    for option in reversed(
        [
            click.option("--from", "from_", metavar="TIME", help="ISO 8601.  [default: 24 hours before --to]"),
            click.option("--to", metavar="TIME", help="ISO 8601, itself included.  [default: now]"),
            click.option("-a", "--agent", metavar="ID", help="Only calls of this agent."),
            click.option("-m", "--model", metavar="NAME", help="Only calls of this model."),
            click.option(
                "--url", metavar="URL", help="Where the API is.  [default: TOKENTIDE_URL, or http://127.0.0.1:8420]"
            ),
            click.option("-j", "--json", "as_json", is_flag=True, help="JSON, for scripts."),
        ]
    ):
        command = option(command)
    return command


@click.group()
def llm() -> None:
    """Ask the read API: totals, models, the newest calls.

    The read key comes from TOKENTIDE_API_KEY, in the environment, in ./.env, or in the file
    ~/.config/tokentide/config.toml as api_key = "…"; the address likewise from TOKENTIDE_URL, or url = "…".
    """


@llm.command(epilog=examples("tokentide llm stats", "tokentide llm stats --from 2026-04-01 --model gpt-4o --json"))
@_asking
def stats(url: str | None, as_json: bool, **filters: str | None) -> None:  # noqa: FBT001
    """All calls together: how many, cost, tokens, latency."""
    summary = _analytics(url, filters)["summary"]
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    from tokentide.cli.llm_tables import stats_table

    _show(stats_table(summary))


@llm.command(epilog=examples("tokentide llm models --from 2026-04-01 --to 2026-05-01"))
@_asking
def models(url: str | None, as_json: bool, **filters: str | None) -> None:  # noqa: FBT001
    """Calls by model, the dearest first."""
    found = _analytics(url, filters)["byModel"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from tokentide.cli.llm_tables import models_table

    _show(models_table(found) if found else "No LLM calls found.")


@llm.command(epilog=examples("tokentide llm recent", "tokentide llm recent --agent checkout"))
@_asking
def recent(url: str | None, as_json: bool, **filters: str | None) -> None:  # noqa: FBT001
    """The ten newest calls.

    Without --from, as far back as single calls are kept.
    """
    asked = {"eventType": "llm_response", "order": "desc", "limit": str(_RECENT)}
    found = _ask(url, "/api/events", filters, asked)["events"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from tokentide.cli.llm_tables import recent_table

    _show(recent_table(found) if found else "No recent LLM calls found.")


def _analytics(url: str | None, filters: dict[str, str | None]) -> dict[str, Any]:
    return _ask(url, "/api/analytics/llm", filters, {})


def _ask(url: str | None, path: str, filters: dict[str, str | None], asked: dict[str, str]) -> dict[str, Any]:
    from tokentide.cli.read_api import ask, find_api

    names = {"from_": "from", "agent": "agentId"}
    given = {names.get(name, name): value for name, value in filters.items() if value is not None}
    return ask(find_api(url), path, asked | given)


def _show(what: Any) -> None:
    from rich.console import Console

    Console().print(what, highlight=False)
