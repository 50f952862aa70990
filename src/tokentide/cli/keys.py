"""`tokentide keys`: access keys, made, listed and revoked."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tokentide.cli.context import moment, opened_store
from tokentide.cli.layout import examples
from tokentide.clock import now_ms

if TYPE_CHECKING:  # the store's client takes long to import
    from tokentide.store.access import AccessKey

__all__ = ["keys"]

_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\dZ$")


@click.group()
def keys() -> None:
    """Access keys: make, list, revoke."""


@keys.command(
    epilog=examples(
        "tokentide keys create --role ingest --org acme --project shop",
        "tokentide keys create --role read --org acme --tier pro",
        "tokentide keys create --role read --org acme --project shop --expires 2099-12-31T00:00:00Z --json",
    )
)
@click.option("--role", type=click.Choice(["ingest", "read"]), required=True, help="What the key is for.")
@click.option("--org", metavar="NAME", required=True, help="Organisation; made when it does not exist.")
@click.option(
    "--project",
    "projects",
    metavar="NAME",
    multiple=True,
    help="One for ingest; any number for read, none means all of the organisation.",
)
@click.option(
    "--tier",
    type=click.Choice(["free", "pro", "enterprise"]),
    default="free",
    show_default=True,
    help="How often Perf's metrics may be asked: 10, 60 or 300 times a minute.",
)
@click.option("--expires", metavar="TIME", help="RFC 3339, such as 2027-01-31T00:00:00Z.  [default: never]")
@click.option("--json", "as_json", is_flag=True, help='As {"id", "key"}.')
@click.pass_obj
def create(log_format: str | None, /, expires: str | None, as_json: bool, **wanted: Any) -> None:  # noqa: FBT001
    """Make a key, and show it this once. Projects that do not exist yet are made."""
    from tokentide.store.access import create_key

    expires_ms = None if expires is None else moment(expires, "--expires")
    with opened_store(log_format) as store:
        new = create_key(store, expires_ms=expires_ms, now_ms=now_ms(), **wanted)
    if as_json:
        click.echo(json.dumps({"id": new.id, "key": new.key}))
    else:
        click.echo(f"id   {new.id}\nkey  {new.key}\nKeep the key: it is not shown again.")


@keys.command(name="list", epilog=examples("tokentide keys list", "tokentide keys list --json"))
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
@click.pass_obj
def list_(log_format: str | None, /, as_json: bool) -> None:  # noqa: FBT001
    """List the keys, good or not, oldest first. The keys themselves are not kept."""
    from tokentide.store.access import list_keys
    from tokentide.store.key_uses import last_uses

    with opened_store(log_format) as store:
        found = list_keys(store)
        used = last_uses(store)
    rows = [_row(key, used.get(key.id)) for key in found]
    if as_json:
        click.echo(json.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    columns = ("id", "role", "org", "projects", "tier", "created", "expires", "revoked", "last used")
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True  # it is what `revoke` asks for
    for row in rows:
        table.add_row(*map(_for_people, row.values()))
    Console().print(table)


@keys.command(
    short_help="Refuse a key from now on.",
    epilog=examples("tokentide keys revoke 4be0643f1d98573b"),
)
@click.argument("key_id", metavar="ID")
@click.pass_obj
def revoke(log_format: str | None, /, key_id: str) -> None:
    """Refuse the key of that ID from now on; `keys list` shows the IDs. Every API process knows within 30 seconds."""
    from tokentide.store.access import revoke_key

    with opened_store(log_format) as store:
        revoke_key(store, key_id, now_ms())
    click.echo(f"revoked {key_id}")


def _row(key: AccessKey, last_used_ms: int | None) -> dict[str, Any]:
    return {
        "id": key.id,
        "role": key.role,
        "org": key.org,
        "projects": list(key.projects),
        "tier": key.tier,
        "created": _printed(key.created_ms),
        "expires": _printed(key.expires_ms),
        "revoked": _printed(key.revoked_ms),
        "last_used": _printed(last_used_ms),
    }


def _for_people(value: str | list[str] | None) -> str:
    """A cell of the table; a time without its seconds, so that a row fits into a terminal."""
    if isinstance(value, list):
        return ", ".join(value) or "all"
    return _TIME.sub(r"\1 \2Z", value or "-")


def _printed(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
