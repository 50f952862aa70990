"""What the process around the pipeline does by itself."""

from __future__ import annotations

import asyncio
import itertools
import threading

from tokentide.settings import Settings
from tokentide.worker import run


class Hanging:
    """A store that does not answer the first questions at all, and all later ones at once."""

    def __init__(self, first):
        self.let_go = threading.Event()
        self._numbers = itertools.count()
        self._first = first

    def ask(self, _):
        if next(self._numbers) < self._first:
            self.let_go.wait(30)


async def test_readiness_comes_back_while_earlier_questions_still_hang(monkeypatch):
    """A network that swallowed a question may let it hang for two minutes; ten of them are no reason to wait longer."""
    monkeypatch.setattr(run, "_LOOK_SECONDS", 0.01)
    store, worker = Hanging(first=10), run._Worker(Settings())
    asking = asyncio.create_task(worker._ask_store(store))
    try:
        async with asyncio.timeout(10):
            while worker._store_error is not None:
                await asyncio.sleep(0.01)
    finally:
        asking.cancel()
        store.let_go.set()
