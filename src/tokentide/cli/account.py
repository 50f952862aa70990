"""`tokentide account`: what an organisation has set for its answers, shown and set."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

from tokentide.cli.context import opened_store
from tokentide.cli.layout import examples
from tokentide.clock import now_ms

if TYPE_CHECKING:  # the store's client takes long to import
    from tokentide.store.accounts import Account

__all__ = ["account"]

_NAMES = ("gpt4o-input-price", "gpt4o-output-price", "cost-vs-quality-ratio", "latency-sensitivity")
_MEANINGS = {
    "gpt4o_input_price": "dollars per million tokens read, at the comparison model",
    "gpt4o_output_price": "dollars per million tokens written, at the comparison model",
    "cost_vs_quality_ratio": "0 to 1, shown in Perf's customer metrics",
    "latency_sensitivity": "0 to 1, shown in Perf's customer metrics",
}


class _Dollars(click.ParamType):
    name = "DOLLARS"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Decimal:
        try:
            price = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is no number", param, context)
        if not price.is_finite():
            self.fail(f"{value!r} is no price", param, context)
        return price


_DOLLARS = _Dollars()
_SHARE = click.FloatRange(0, 1)


@click.group()
def account() -> None:
    """Set prices and preferences of an organisation, and show them."""


@account.command(
    name="set",
    epilog=examples(
        "tokentide account set --org acme --gpt4o-input-price 2.00 --gpt4o-output-price 8.00",
        "tokentide account set --org acme --unset gpt4o-input-price",
    ),
)
@click.option("--org", metavar="NAME", required=True, help="The organisation; `tokentide keys create` makes one.")
@click.option("--gpt4o-input-price", type=_DOLLARS, help="Of the comparison model, per million tokens read.")
@click.option("--gpt4o-output-price", type=_DOLLARS, help="Of the comparison model, per million tokens written.")
@click.option("--cost-vs-quality-ratio", type=_SHARE, help="0 to 1.")
@click.option("--latency-sensitivity", type=_SHARE, help="0 to 1.")
@click.option(
    "--unset", metavar="NAME", multiple=True, type=click.Choice(_NAMES), help="Take this one back; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Print all of them then as a JSON object.")
@click.pass_obj
def set_(log_format: str | None, /, org: str, unset: tuple[str, ...], as_json: bool, **values: Any) -> None:  # noqa: FBT001
    """Set some of them; the others stay. The API answers accordingly from its next answer on."""
    from tokentide.store.accounts import change_account

    changes = {name: value for name, value in values.items() if value is not None}
    taken_back = [name.replace("-", "_") for name in unset]
    both = [name for name in taken_back if name in changes]
    if both:
        raise click.UsageError(f"{', '.join(both)}: set it, or take it back, but not both")
    if not changes and not taken_back:
        raise click.UsageError("nothing to set; `tokentide account set --help` lists what there is")
    with opened_store(log_format) as store:
        _tell(change_account(store, org, changes | dict.fromkeys(taken_back), now_ms()), as_json=as_json)


@account.command(short_help="Show what is set.", epilog=examples("tokentide account show --org acme"))
@click.option("--org", metavar="NAME", required=True, help="The organisation.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
@click.pass_obj
def show(log_format: str | None, /, org: str, as_json: bool) -> None:  # noqa: FBT001
    """Show what is set; where nothing is, TOKENTIDE_GPT4O_… prices hold, and preferences are null."""
    from tokentide.store.accounts import read_account

    with opened_store(log_format) as store:
        _tell(read_account(store, org), as_json=as_json)


def _tell(found: Account, *, as_json: bool) -> None:
    values = {name: _plain(value) for name, value in asdict(found).items()}
    if as_json:
        click.echo(json.dumps(values))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("setting", "value", "meaning", box=None, pad_edge=False)
    for name, value in values.items():
        table.add_row(name, "not set" if value is None else str(value), _MEANINGS[name])
    Console().print(table)


def _plain(value: Decimal | float | None) -> float | None:
    return None if value is None else float(value)
