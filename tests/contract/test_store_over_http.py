"""What a store does when its server goes away, comes back, answers half, or does not know who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.store_fixtures import Cable, a_database, free_port, front, migrated, settings_of
from tokentide.errors import StoreRejected, StoreUnavailable
from tokentide.store import Query, Store, open_store
from tokentide.store.migrate import migrate, schema_version

COLUMNS = ("project_id", "org_id")
COUNT = Query("count", "SELECT count() FROM projects FINAL")
CALLS: list[Callable[[Store], object]] = [
    lambda store: store.insert("projects", COLUMNS, [["p"], ["o"]]),
    lambda store: store.insert_json("projects", COLUMNS, b'{"project_id":"p","org_id":"o"}\n'),
    lambda store: store.ask(COUNT),
    lambda store: store.command("OPTIMIZE TABLE projects"),
    schema_version,
]


@pytest.fixture
def cable(front_port: int) -> Iterator[Cable]:
    with closing(Cable(front_port)) as cable:
        yield cable


@pytest.fixture
def spoiled(front_port: int, cable: Cable) -> Iterator[Store]:
    """A store whose answers come through the cable."""
    with migrated(f"http://127.0.0.1:{front_port}") as direct:
        [(database,)] = direct.ask(Query("database", "SELECT currentDatabase()"))
        with closing(open_store(f"http://127.0.0.1:{cable.port}", database)) as store:
            yield store


def test_a_server_may_go_away_and_come_back(tmp_path: Path) -> None:
    """While nothing listens every call may be tried again, and one and the same store works when the server is back."""
    port = free_port()
    settings = settings_of(f"http://127.0.0.1:{port}", "tide")
    with front(tmp_path, port) as server:
        migrate(settings)
        store = open_store(f"http://127.0.0.1:{port}", "tide")
        store.insert("projects", COLUMNS, [["p"], ["o"]])
        server.kill()
        server.wait()
        for call in CALLS:
            with pytest.raises(StoreUnavailable, match=f":{port}"):
                call(store)
    with front(tmp_path, port), closing(store):
        assert store.ask(COUNT) == [(1,)]
        for call in CALLS:
            call(store)
        assert store.ask(COUNT) == [(1,)]


@pytest.mark.parametrize("answer_bytes", [0, 40, 200])
@pytest.mark.parametrize("call", CALLS)
def test_a_cut_answer_is_a_passing_failure(
    spoiled: Store, cable: Cable, call: Callable[[Store], object], answer_bytes: int
) -> None:
    """An answer that breaks off anywhere is no answer; once the line is good again, so is the store."""
    call(spoiled)
    cable.answer_bytes = answer_bytes
    with pytest.raises(StoreUnavailable):
        call(spoiled)
    cable.answer_bytes = None
    call(spoiled)


def test_a_long_answer_that_is_cut_gives_no_rows(spoiled: Store, cable: Cable) -> None:
    """Part of an answer is never taken for the whole."""
    many = Query("many", "SELECT number, randomPrintableASCII(50) FROM numbers(200000)")
    cable.answer_bytes = 3_000_000
    with pytest.raises(StoreUnavailable, match="many"):
        spoiled.ask(many)


def test_rows_of_a_lost_acknowledgement_count_once(spoiled: Store, cable: Cable) -> None:
    """An insert whose acknowledgement is lost may be there, and repeating it adds nothing to what FINAL shows."""
    cable.answer_bytes = 0
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            CALLS[0](spoiled)
    cable.answer_bytes = None
    CALLS[0](spoiled)
    assert spoiled.ask(COUNT) == [(1,)]


def test_credentials_decide(tmp_path: Path) -> None:
    """The right password opens; a wrong one is refused for good, and neither is shown."""
    port = free_port()
    with front(tmp_path, port, credentials="tide:right-one"):
        dsn = f"http://tide:right-one@127.0.0.1:{port}"
        with a_database(dsn) as database:
            migrate(settings_of(dsn, database))
            with closing(open_store(dsn, database)) as store:
                assert store.ask(COUNT) == [(0,)]
        for wrong in ("tide:wrong-one@", ""):
            with pytest.raises(StoreRejected, match=f":{port}") as caught:
                open_store(f"http://{wrong}127.0.0.1:{port}", "tide")
            assert "-one" not in str(caught.value)
