from __future__ import annotations

import threading

import pytest

from tokentide.api.late_store import LateStore
from tokentide.errors import StoreUnavailable
from tokentide.store.port import Query

ONE = Query("one", "SELECT 1")


class Opened:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


def test_it_is_opened_when_it_is_first_asked():
    """Nothing is opened before, and one thread opens one store."""
    opened = []
    store = LateStore(lambda: opened.append(Opened()) or opened[-1])
    assert opened == []
    store.ask(ONE)
    store.insert("t", ["a"], [[1]])
    store.insert_json("t", ["a"], b"{}")
    store.command("SELECT 1")
    store.close()
    assert [one.calls for one in opened] == [
        [
            ("ask", ONE),
            ("insert", "t", ["a"], [[1]]),
            ("insert_json", "t", ["a"], b"{}"),
            ("command", "SELECT 1"),
            ("close",),
        ]
    ]


def test_each_thread_has_its_own():
    """Questions of two threads do not wait for each other; all that was opened is closed."""
    opened = []
    store = LateStore(lambda: opened.append(Opened()) or opened[-1])
    store.ask(ONE)
    thread = threading.Thread(target=store.ask, args=(ONE,))
    thread.start()
    thread.join()
    store.close()
    assert [one.calls for one in opened] == [[("ask", ONE), ("close",)]] * 2


def test_a_store_that_does_not_open_is_tried_again():
    """As long as nothing answers, asking says so; when it answers, asking works."""
    tries = []

    def opening():
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("not yet")
        return Opened()

    store = LateStore(opening)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.ask(ONE)
    store.ask(ONE)
    store.ask(ONE)
    assert len(tries) == 3
