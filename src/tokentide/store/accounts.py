"""What has an organisation set for its answers? Prices to compare with, and preferences, as they stand in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from decimal import Decimal
from typing import Any

from tokentide.errors import QueryError
from tokentide.store.port import Query, Store

__all__ = ["Account", "account_from", "account_of", "change_account", "read_account"]

_HIGHEST_PRICE = 1_000_000
_DECIMALS = 9
_PRICES = ("gpt4o_input_price", "gpt4o_output_price")


@dataclass(frozen=True, slots=True)
class Account:
    """What an organisation has set; None is not set.

    Attributes:
        gpt4o_input_price: of the comparison model, in dollars per million tokens.
        gpt4o_output_price: likewise.
        cost_vs_quality_ratio: 0 to 1, how much quality counts against cost.
        latency_sensitivity: 0 to 1, how much speed counts.
    """

    gpt4o_input_price: Decimal | None = None
    gpt4o_output_price: Decimal | None = None
    cost_vs_quality_ratio: float | None = None
    latency_sensitivity: float | None = None


def account_of(org: str) -> Query:
    """Ask for an organisation's settings, in the order of `Account`, and their version; no row when it has none."""
    columns = ", ".join(field.name for field in fields(Account))
    sql = f"SELECT {columns}, version\nFROM accounts FINAL\nWHERE org_id = {{org:String}}"
    return Query("account", sql, {"org": org})


def account_from(rows: Sequence[Sequence[Any]]) -> Account:
    """The settings from the rows of `account_of`."""
    return Account(*rows[0][:-1]) if rows else Account()


def read_account(store: Store, org: str) -> Account:
    """The settings of an organisation.

    Raises:
        QueryError: there is no such organisation.
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    _require(store, org)
    return account_from(store.ask(account_of(org)))


def change_account(store: Store, org: str, changes: Mapping[str, Decimal | float | None], now_ms: int) -> Account:
    """Set some of an organisation's settings, or with None take them back; all of them as they are then.

    Args:
        store: where; must be writable.
        org: an organisation that exists.
        changes: name of an `Account`'s attribute → value.
        now_ms: the present, milliseconds since the epoch, UTC.

    Raises:
        QueryError: a value cannot be, or there is no such organisation.
        StoreUnavailable, StoreRejected: as the store's methods.
    """
    for name, value in changes.items():
        _check(name, value)
    _require(store, org)
    rows = store.ask(account_of(org))
    changed = replace(account_from(rows), **changes)  # type: ignore[arg-type]  # checked one by one
    # Higher than the row it replaces, even when this clock is behind the one that made that row.
    version = max(now_ms, rows[0][-1] + 1 if rows else 0)
    row = {"org_id": org, **asdict(changed), "version": version}
    store.insert("accounts", tuple(row), [[value] for value in row.values()])
    return changed


def _check(name: str, value: Decimal | float | None) -> None:
    if value is None:
        return
    most = _HIGHEST_PRICE if name in _PRICES else 1
    if not 0 <= value <= most:
        raise QueryError(f"{name} must lie between 0 and {most}, not {value}", name)
    if isinstance(value, Decimal) and value != round(value, _DECIMALS):
        raise QueryError(f"{name} must have at most {_DECIMALS} decimals, not {value}", name)


def _require(store: Store, org: str) -> None:
    sql = "SELECT count() FROM projects FINAL WHERE org_id = {org:String}"
    if store.ask(Query("organisation", sql, {"org": org})) == [(0,)]:
        raise QueryError(f"there is no organisation {org!r}: `tokentide keys create` makes one with its project", "org")
