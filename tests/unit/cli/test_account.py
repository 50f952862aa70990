"""`tokentide account`, on the embedded engine."""

from __future__ import annotations

import json

import pytest

from tests.store_fixtures import a_database, settings_of
from tokentide.store.migrate import migrate

UNSET = {
    "gpt4o_input_price": None,
    "gpt4o_output_price": None,
    "cost_vs_quality_ratio": None,
    "latency_sensitivity": None,
}


@pytest.fixture(scope="module")
def database(chdb_store_root):
    with a_database(chdb_store_root) as name:
        migrate(settings_of(chdb_store_root, name))
        yield name


@pytest.fixture
def account(tokentide, chdb_store_root, database):
    """Runs a command about accounts on the tests' store, in which the organisation `o` exists."""

    def run(*arguments, command="account"):
        return tokentide(command, *arguments, CLICKHOUSE=chdb_store_root, DATABASE=database, LOG_LEVEL="ERROR")

    assert run("create", "--role", "read", "--org", "o", "--project", "p", command="keys").code == 0
    return run


def test_settings_are_set_and_taken_back_one_by_one(account):
    """Each command changes what it names, and leaves the rest."""
    assert json.loads(account("show", "--org", "o", "--json").out) == UNSET
    first = account("set", "--org", "o", "--gpt4o-input-price", "1.25", "--latency-sensitivity", "0.42", "--json")
    assert (first.code, first.err) == (0, "")
    expected = UNSET | {"gpt4o_input_price": 1.25, "latency_sensitivity": 0.42}
    assert json.loads(first.out) == expected
    account("set", "--org", "o", "--cost-vs-quality-ratio", "0.65")
    again = account("set", "--org", "o", "--unset", "latency-sensitivity", "--gpt4o-output-price", "0", "--json")
    expected |= {"cost_vs_quality_ratio": 0.65, "latency_sensitivity": None, "gpt4o_output_price": 0.0}
    assert json.loads(again.out) == expected
    assert json.loads(account("show", "--org", "o", "--json").out) == expected
    shown = account("show", "--org", "o").out
    assert "not set" in shown
    assert "0.65" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "--org", "o"), "nothing to set"),
        (("set", "--org", "o", "--latency-sensitivity", "1.5"), "1.5 is not in the range 0<=x<=1"),
        (("set", "--org", "o", "--gpt4o-input-price", "dear"), "'dear' is no number"),
        (("set", "--org", "o", "--gpt4o-input-price", "NaN"), "'NaN' is no price"),
        (("set", "--org", "o", "--gpt4o-input-price", "-1"), "must lie between 0 and 1000000"),
        (("set", "--org", "o", "--gpt4o-input-price", "0.0000000001"), "at most 9 decimals"),
        (("set", "--org", "o", "--latency-sensitivity", "1", "--unset", "latency-sensitivity"), "not both"),
        (("set", "--org", "nobody", "--latency-sensitivity", "1"), "no organisation 'nobody'"),
        (("show", "--org", "nobody"), "no organisation 'nobody'"),
        (("show",), "Missing option '--org'"),
    ],
)
def test_what_cannot_be_set(account, arguments, message):
    """A wrong use says what was wrong, and changes nothing."""
    before = account("show", "--org", "o", "--json").out
    ended = account(*arguments)
    assert ended.code == 2
    assert message in ended.err
    assert account("show", "--org", "o", "--json").out == before
