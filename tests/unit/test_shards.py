"""Which key a record gets."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tokentide.errors import SettingsError
from tokentide.shards import parse_shards, record_key


@pytest.mark.parametrize(
    ("text", "shards"),
    [("", {}), ("big=8", {"big": 8}), (" big=8 , a=b=2 ,", {"big": 8, "a=b": 2})],
)
def test_parse(text, shards):
    """Entries are PROJECT=N; a project may hold an equals sign; spaces and empty entries do not count."""
    assert parse_shards(text) == shards


def test_every_bad_entry_is_named():
    """All problems are reported at once."""
    with pytest.raises(SettingsError) as error:
        parse_shards("big=0,=3,small,other=2,x=-1,y=²")
    assert len(error.value.problems) == 5


def test_a_project_without_shards_is_its_own_key():
    """Everything of a project stands in one partition, whatever its identities."""
    assert {record_key("p", uuid4(), {"q": 4}) for _ in range(20)} == {b"p"}


def test_an_identity_always_gets_the_same_shard():
    """However the UUID was written, the identity decides."""
    identity = UUID("550E8400E29B41D4A716446655440020")
    assert record_key("p", identity, {"p": 4}) == record_key("p", UUID(str(identity)), {"p": 4})


@pytest.mark.parametrize("count", [2, 3, 4, 8, 16])
def test_identities_spread_over_all_shards(count):
    """No shard gets more than twice its part, although some bits of a UUID never change."""
    keys = [
        record_key("p", UUID(int=number * 0x1_0000_0000_0000_0001, version=4), {"p": count}) for number in range(8000)
    ]
    assert len(set(keys)) == count
    assert max(map(keys.count, set(keys))) < 2 * 8000 / count
