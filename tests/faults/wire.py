"""A TCP way to a server that a test can spoil: slow, held in one direction or both, cut, closed, stuck at a request.

It runs in a thread of its own, so that a test may wait meanwhile; what is set takes effect at once.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Self

from tokentide.embedded.ports import HOST

__all__ = ["ANSWERS", "BOTH", "REQUESTS", "Wire"]

REQUESTS, ANSWERS, BOTH = "requests", "answers", "both"
_CHUNK_BYTES = 64 * 1024
_LOOK_SECONDS = 0.02
_ANSWER_SECONDS = 10.0


class Wire:
    """The way from one port to another.

    Attributes:
        port: where clients connect.
        held: the direction in which nothing passes, as when packets are lost; empty when all does. What was held
            passes when that is over, as TCP sends it again; after `cut` it never arrives: an acknowledgement is lost.
        delay_seconds: so long each piece takes.
        stuck_at: a request of which only the first half passes; its connection then stays silent.
        caught: set when one got stuck.
        watch: told of each piece and its direction when it comes, before anything is done with it.
        connections: how many were taken so far.
    """

    def __init__(self, port: int, server_port: int) -> None:
        self.port = port
        self.held = ""
        self.delay_seconds = 0.0
        self.stuck_at: Callable[[bytes], bool] | None = None
        self.caught = threading.Event()
        self.watch: Callable[[str, bytes], object] = lambda _, __: None
        self.connections = 0
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._listener: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"wire-{port}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ANSWER_SECONDS)
        self._loop.close()

    def open(self) -> None:
        """Take connections."""
        self._do(self._open())

    def close(self) -> None:
        """Refuse connections, and cut those that there are."""
        self._do(self._close())

    def cut(self) -> None:
        """Reset every connection; what is on its way never arrives."""
        self._do(self._cut())

    def heal(self) -> None:
        """Let everything pass again."""
        self.held, self.delay_seconds, self.stuck_at = "", 0.0, None
        self.watch = lambda _, __: None
        self.caught.clear()

    def _do(self, call: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(call, self._loop).result(_ANSWER_SECONDS)

    async def _open(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._join, HOST, self.port)

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._cut()

    async def _cut(self) -> None:
        for end in self._ends:
            connection = end.get_extra_info("socket")
            if connection is not None:  # closing then resets
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()

    async def _end(self) -> None:
        """Wait until every connection is over, also those that are stuck or held."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _join(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            from_server, to_server = await asyncio.open_connection(HOST, self._server_port)
        except OSError:
            to_client.transport.abort()
            return
        self._ends |= {to_client, to_server}
        carrying = [
            asyncio.create_task(self._carry(from_client, to_server, REQUESTS)),
            asyncio.create_task(self._carry(from_server, to_client, ANSWERS)),
        ]
        try:
            await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ends -= {to_client, to_server}
            for task in carrying:
                task.cancel()
            to_client.close()
            to_server.close()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK_BYTES):
                self.watch(way, data)
                if way == REQUESTS and self.stuck_at is not None and self.stuck_at(data):
                    sink.write(data[: len(data) // 2])
                    self.caught.set()
                    await asyncio.Event().wait()  # until the other direction ends
                while self.held in {way, BOTH}:
                    await asyncio.sleep(_LOOK_SECONDS)
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                sink.write(data)
                await sink.drain()
