"""Keys in memory: when they are looked up, and when not."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.unit.api.fakes import INGEST_KEY, READ_KEY, WIDE_KEY, FakeStore, key_row
from tokentide import clock
from tokentide.api.access import Access
from tokentide.api.failures import Kind, Refused
from tokentide.api.last_used import keep_written
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


async def test_an_ingest_key_writes_into_its_project(access):
    """Organisation and project come from the key; a key that reads, none, and an unknown one are refused."""
    writer = await access.writer(INGEST_KEY)
    assert (writer.session, writer.organisation, writer.project) == (f"key id of {INGEST_KEY}", "o", "p")
    assert await refused(access.writer(READ_KEY)) is Kind.WRONG_ROLE
    assert await refused(access.writer(None)) is Kind.NO_KEY
    assert await refused(access.writer("wrong")) is Kind.UNKNOWN_KEY


async def test_ingest_goes_on_while_the_store_is_away(access, store):
    """A key that is known keeps its project."""
    await access.writer(INGEST_KEY)
    store.away = True
    assert (await access.writer(INGEST_KEY)).project == "p"


@pytest.mark.parametrize("tier_limit", [10, 60, 300])
async def test_surfaces_are_counted_apart(access, tier_limit):
    """As many requests as the tier has; the next one waits; another surface has a window of its own."""
    caller = await access.reader(f"Bearer {READ_KEY}")
    for _ in range(tier_limit):
        await access.count(caller, "perf", tier_limit)
    with pytest.raises(Refused) as caught:
        await access.count(caller, "perf", tier_limit)
    failure = caught.value.failure
    assert (failure.kind, failure.retry_after_seconds) == (Kind.TOO_MANY_REQUESTS, 60)
    await access.count(caller, "data", 300)


async def test_uses_are_noted_and_written(access):
    """The last use of each key reaches the store; what could not be written is kept; nothing is written twice."""
    await access.reader(f"Bearer {READ_KEY}")
    await access.writer(INGEST_KEY)
    written = FakeStore()
    written.away = True
    writing = asyncio.create_task(keep_written(access.uses, written, seconds=0.01))
    await until(lambda: written.refused)
    written.away = False
    await until(lambda: written.inserted)
    writing.cancel()
    await writing
    ((table, columns, values),) = written.inserted
    assert (table, columns) == ("key_uses", ("id", "last_used_at", "version"))
    assert sorted(values[0]) == [f"id of {READ_KEY}", f"id of {INGEST_KEY}"]
    assert all(abs(used_ms - clock.now_ms()) < 60_000 for used_ms in values[1])


async def test_uses_are_written_when_the_process_ends(access):
    """What was noted last is not lost."""
    await access.writer(INGEST_KEY)
    written = FakeStore()
    writing = asyncio.create_task(keep_written(access.uses, written, seconds=60))
    await asyncio.sleep(0)
    writing.cancel()
    await writing
    assert len(written.inserted) == 1
