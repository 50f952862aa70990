"""Work for a client that may go away."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import Request
from prometheus_client import CollectorRegistry

from tokentide.api.engine import Engine
from tokentide.api.failures import Kind, Refused
from tokentide.api.presence import while_present
from tokentide.metrics import ApiMetrics
from tokentide.store.port import Answer, Query
from tokentide.store.queries.sources import USAGE_SOURCE
from tokentide.store.queries.totals import Scope, totals
from tokentide.store.queries.window import NO_EVENTS, Window


def a_request(messages: asyncio.Queue) -> Request:
    """A request whose connection says what the queue holds."""
    return Request({"type": "http", "method": "GET", "headers": []}, messages.get)


async def test_work_for_a_client_that_stays_is_done():
    """The result comes back, and so does an error."""

    async def fail():
        raise KeyError("x")

    assert await while_present(a_request(asyncio.Queue()), asyncio.sleep(0, "done")) == "done"
    with pytest.raises(KeyError):
        await while_present(a_request(asyncio.Queue()), fail())


async def test_work_for_a_client_that_left_is_cancelled():
    """The rest of a body is no leaving; a disconnect is, and the work ends there."""
    messages, cancelled = asyncio.Queue(), asyncio.Event()

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    messages.put_nowait({"type": "http.request"})
    messages.put_nowait({"type": "http.disconnect"})
    with pytest.raises(Refused) as caught:
        await while_present(a_request(messages), work())
    assert caught.value.failure.kind is Kind.CLIENT_LEFT
    assert cancelled.is_set()


class SlowStore:
    """A store that answers when it is told to stop, as the engines do."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.asked: asyncio.Queue[Query] = asyncio.Queue()
        self.stopped: asyncio.Queue[str] = asyncio.Queue()

    def ask(self, query):
        """See `Store.ask`."""
        if query.name == "data_through":
            return []
        self._loop.call_soon_threadsafe(self.asked.put_nowait, query)
        return asyncio.run_coroutine_threadsafe(self._until_stopped(), self._loop).result()

    async def _until_stopped(self):
        while self.stopped.empty():
            await asyncio.sleep(0.001)
        return []

    def cancel(self, asking):
        """See `Store.cancel`."""
        self._loop.call_soon_threadsafe(self.stopped.put_nowait, asking)


async def test_the_store_is_told_to_stop():
    """A question whose asking was cancelled is cancelled in the store, by its own mark, and counted."""
    metrics = ApiMetrics(CollectorRegistry())
    store = SlowStore(asyncio.get_running_loop())
    engine = Engine(store, metrics, "t", 1)
    asking = asyncio.ensure_future(engine.ask(Query("q", "SELECT 1")))
    asked = await asyncio.wait_for(store.asked.get(), 20)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while store.stopped.empty():
        await asyncio.sleep(0.001)
    assert await store.stopped.get() == asked.asking != ""
    store.stopped.put_nowait("so that the thread ends")
    assert metrics.counter("queries_cancelled")._value.get() == 1
    await asyncio.to_thread(engine.close)


async def test_what_a_question_read_is_counted():
    """Rows and bytes add up by the question's name."""

    class Store:
        def ask(self, query):
            answer = Answer([(1,)] if query.name == "q" else [])
            answer.read_rows, answer.read_bytes = 7, 99
            return answer

    metrics = ApiMetrics(CollectorRegistry())
    engine = Engine(Store(), metrics, "t", 1)
    for _ in range(2):
        await engine.ask(Query("q", "SELECT 1"))
    assert metrics.counter("query_read_rows").labels("q")._value.get() == 14
    assert metrics.counter("query_read_bytes").labels("q")._value.get() == 198
    engine.close()


async def test_sealed_days_are_asked_after_progress_and_only_for_days():
    """Each new progress needs seals that were asked after it; a question that takes no days needs none."""
    asked = []

    class Store:
        def ask(self, query):
            asked.append(query.name)
            return []

    def question(days):
        scope = Scope(("p",), Window(0, days * 86_400_000), NO_EVENTS)
        return totals("q", USAGE_SOURCE, scope, ("requests",))

    engine = Engine(Store(), ApiMetrics(CollectorRegistry()), "t", 1)
    await engine.ask(question(2))
    assert asked == ["data_through", "q"]
    await engine.ask(question(30))
    await engine.ask(question(30))
    assert asked[2:] == ["sealed_days", "q", "q"]
    engine._reached = (0, engine._reached[1] - 10)
    await engine.ask(question(30))
    assert asked[5:] == ["data_through", "sealed_days", "q"]
    engine.close()
