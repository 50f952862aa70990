"""How long, and how large, may the head of a request be? A client that never ends its headers holds nothing for long.

The server has a time for idle connections, and `bodies` one for bodies; this is for what lies between.
"""

from __future__ import annotations

import asyncio

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["PatientProtocol"]

HEAD_SECONDS = 10.0
HEAD_BYTES = 64 * 1024

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: 37\r\n\r\n"
    b'{"error":"The headers are too large"}'
)


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, for clients that send their headers in time, and not too many."""

    _waiting: asyncio.TimerHandle | None = None
    _head_bytes = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._waiting is not None:  # the head goes on
            self._head_bytes += len(data)
            self._close_when_too_large()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._waiting is None:
            self._wait_for_head()

    @override
    def on_headers_complete(self) -> None:
        self._head_ended()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _head_ended(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        self.transport.close()

    def _close_when_too_large(self) -> None:
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
