"""Keys in memory: when they are looked up, and when not."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.unit.api.fakes import READ_KEY, WIDE_KEY, FakeStore, key_row
from tokentide.api.access import Access
from tokentide.api.failures import Kind, Refused
from tokentide.api.sessions import Sessions
from tokentide.errors import StoreUnavailable
from tokentide.settings import Settings

LOOK = ["projects_by_organisation", "access_keys"]


@pytest.fixture
def store():
    """Keys and projects of one organisation."""
    return FakeStore()


@pytest.fixture
def access(store):
    """Access over that store, without its loop running."""
    return Access(store, Sessions(Settings()), refresh_seconds=0.01, pause_seconds=0)


async def refused(asking):
    with pytest.raises(Refused) as caught:
        await asking
    return caught.value.failure.kind


async def until(holds):
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_known_keys_are_not_looked_up(access, store):
    """One look is enough for every later request."""
    for _ in range(3):
        caller = await access.reader(f"Bearer {READ_KEY}")
    assert store.names() == LOOK
    assert (caller.session, caller.organisation, caller.limited_to) == (f"key id of {READ_KEY}", "o", {"p"})


async def test_a_new_key_works_at_once(access, store):
    """A key that is not known is looked up before it is refused."""
    assert await refused(access.reader("Bearer new")) is Kind.UNKNOWN_KEY
    store.rows["access_keys"].append(key_row("new"))
    assert (await access.reader("Bearer new")).session == "key id of new"


async def test_wrong_keys_do_not_hammer_the_store(access, store):
    """However many wrong keys come at once, they share a look that began after they came."""
    await access.reader(f"Bearer {READ_KEY}")
    store.asked.clear()
    kinds = await asyncio.gather(*(refused(access.reader(f"Bearer wrong {n}")) for n in range(50)))
    assert set(kinds) == {Kind.UNKNOWN_KEY}
    assert store.names() == LOOK


async def test_wrong_keys_one_after_the_other_are_slowed_down(store):
    """Between two looks there is a pause, whoever asks."""
    access = Access(store, Sessions(Settings()), pause_seconds=0.1)
    began = time.monotonic()
    for _ in range(3):
        await refused(access.reader("Bearer wrong"))
    assert time.monotonic() - began >= 0.2
    assert len(store.names()) == 3 * len(LOOK)


@pytest.mark.parametrize("change", [{"revoked_ms": 5}, {"expires_ms": 5}])
async def test_a_revoked_or_expired_key_is_refused(access, store, change):
    """A key that was good once is good no longer."""
    store.rows["access_keys"] = [key_row(READ_KEY, **change)]
    assert await refused(access.reader(f"Bearer {READ_KEY}")) is Kind.UNKNOWN_KEY


async def test_a_revocation_is_noticed_in_the_background(access, store):
    """The loop looks again and again, also after the store was away and after what nobody foresaw."""
    fresh = asyncio.create_task(access.keep_fresh())
    await access.reader(f"Bearer {READ_KEY}")
    store.away = True
    await until(lambda: access._away is not None)
    store.away, good = False, store.rows.pop("access_keys")
    store.rows["access_keys"] = [("too", "short")]
    looks = len(store.asked)
    await until(lambda: len(store.asked) > looks + 4)
    store.rows["access_keys"] = [key_row(READ_KEY, revoked_ms=1), *good[1:]]
    await until(lambda: access._find(READ_KEY) is None)
    fresh.cancel()
    assert await refused(access.reader(f"Bearer {READ_KEY}")) is Kind.UNKNOWN_KEY


async def test_known_keys_stay_good_while_the_store_is_away(access, store):
    """What was known last goes on; what is not known cannot be told, and is worth another try."""
    await access.reader(f"Bearer {READ_KEY}")
    store.away = True
    with pytest.raises(StoreUnavailable):
        await access.reader("Bearer new")
    assert await access.reader(f"Bearer {READ_KEY}")


async def test_a_store_that_was_never_there_refuses_nobody(access, store):
    """Before the first look nobody is known, and nobody is called unknown."""
    store.broken = True
    with pytest.raises(StoreUnavailable):
        await access.reader(f"Bearer {READ_KEY}")


async def test_a_new_project_is_seen_at_once(access, store):
    """A key for all projects of an organisation sees one that was just made; a key for some does not look."""
    wide, narrow = await access.reader(f"Bearer {WIDE_KEY}"), await access.reader(f"Bearer {READ_KEY}")
    store.rows["projects_by_organisation"] = [("o", ["p", "p2", "new"]), ("other", ["foreign"])]
    await access.admit(wide, "new")
    assert access.projects(wide) == {"p", "p2", "new"}
    assert access.projects(narrow) == {"p"}
    store.asked.clear()
    assert await refused(access.admit(narrow, "new")) is Kind.FOREIGN_PROJECT
    assert store.asked == []
    assert await refused(access.admit(wide, "foreign")) is Kind.FOREIGN_PROJECT
