"""What an organisation has set, on the embedded engine."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tokentide.errors import QueryError
from tokentide.store.access import make_projects
from tokentide.store.accounts import Account, account_from, account_of, change_account, read_account


@pytest.fixture
def store(chdb_store):
    """A store in which the organisations o and other exist."""
    make_projects(chdb_store, "o", ["p"])
    make_projects(chdb_store, "other", ["q"])
    return chdb_store


def test_changes_add_up(store):
    """Each change leaves what it does not name, even when the clock goes back in between; others see nothing of it."""
    assert read_account(store, "o") == Account()
    change_account(store, "o", {"gpt4o_input_price": Decimal("0.123456789"), "latency_sensitivity": 0.42}, 1000)
    changed = change_account(store, "o", {"latency_sensitivity": None, "cost_vs_quality_ratio": 1}, 5)
    assert changed == Account(gpt4o_input_price=Decimal("0.123456789"), cost_vs_quality_ratio=1)
    assert read_account(store, "o") == changed
    assert account_from(store.ask(account_of("o"))) == changed
    assert read_account(store, "other") == Account()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"gpt4o_input_price": Decimal("-0.01")}, "gpt4o_input_price"),
        ({"gpt4o_output_price": Decimal(1_000_001)}, "gpt4o_output_price"),
        ({"gpt4o_output_price": Decimal("1e-10")}, "gpt4o_output_price"),
        ({"cost_vs_quality_ratio": 1.01}, "cost_vs_quality_ratio"),
        ({"latency_sensitivity": float("nan")}, "latency_sensitivity"),
    ],
)
def test_what_cannot_be_is_refused(store, changes, field):
    """The error names what is wrong, and nothing is stored."""
    with pytest.raises(QueryError) as refused:
        change_account(store, "o", {"cost_vs_quality_ratio": 0.5} | changes, 1)
    assert refused.value.field == field
    assert read_account(store, "o") == Account()


def test_an_organisation_must_exist(store):
    """A typing error does not make an account that nobody reads."""
    for act in (lambda: read_account(store, "oo"), lambda: change_account(store, "oo", {}, 1)):
        with pytest.raises(QueryError, match="no organisation 'oo'") as refused:
            act()
        assert refused.value.field == "org"
