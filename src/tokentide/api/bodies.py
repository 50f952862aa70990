"""What does a request's body say, and may it be read at all? In bounded memory, in bounded time, and inflated.

Neither a client that sends slowly, nor one that sends much, nor one whose little grows large may take more than its
share: each body has a size and a time, and all that are being worked on have a room together.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request

from tokentide.api.failures import Failure, Kind, Refused

__all__ = ["BodyRules", "Room", "body_of", "content_type"]

_GZIP = 16 + zlib.MAX_WBITS
_RETRY_SECONDS = 1


@dataclass(frozen=True, slots=True)
class BodyRules:
    """What a body may be.

    Attributes:
        content_types: those that are taken; a body that does not say is taken too.
        most_bytes: how large it may be as it is sent, and once it is inflated.
        seconds: how long it may take to arrive.
    """

    content_types: frozenset[str]
    most_bytes: int = 4 * 1024 * 1024
    seconds: float = 30.0


class Room:
    """Memory for the bodies that are being worked on in this process.

    Args:
        most_bytes: of all of them together.
    """

    def __init__(self, most_bytes: int = 256 * 1024 * 1024) -> None:
        self._free_bytes = most_bytes

    def take(self, wanted_bytes: int) -> None:
        """Take some.

        Raises:
            Refused: there is not so much left; a moment later there may be.
        """
        if wanted_bytes > self._free_bytes:
            message = "too much is being sent at once; try again in a moment"
            raise Refused(Failure(Kind.UNAVAILABLE, message, retry_after_seconds=_RETRY_SECONDS))
        self._free_bytes -= wanted_bytes

    def give_back(self, taken_bytes: int) -> None:
        """Give back what was taken."""
        self._free_bytes += taken_bytes


def content_type(request: Request) -> str:
    """The media type of the body, without parameters; empty when the request does not say."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def body_of(request: Request, rules: BodyRules, room: Room) -> AsyncIterator[bytes]:
    """The body, inflated, while the block lasts: its memory counts until then.

    Raises:
        Refused: it has another type or encoding, is too large or too slow, or there is no room for it.
        QueryError: it is not what its encoding says.
    """
    if (kind := content_type(request)) and kind not in rules.content_types:
        listed = ", ".join(sorted(rules.content_types))
        raise Refused(Failure(Kind.UNSUPPORTED, f"the content type must be one of {listed}, not {kind[:100]}"))
    reading = _Reading(room, rules.most_bytes, _inflating(request.headers.get("content-encoding", "")))
    try:
        try:
            async with asyncio.timeout(rules.seconds):
                body = await reading.read(request)
        except TimeoutError as error:
            message = f"the body did not arrive within {rules.seconds:.0f} seconds"
            raise Refused(Failure(Kind.TOO_SLOW, message)) from error
        yield body
    finally:
        room.give_back(reading.taken_bytes)


class _Reading:
    """One body on its way; `taken_bytes` is the room that it has taken."""

    def __init__(self, room: Room, most_bytes: int, inflating: _Inflating | None) -> None:
        self.taken_bytes = 0
        self._room = room
        self._most_bytes = most_bytes
        self._inflating = inflating

    async def read(self, request: Request) -> bytes:
        parts: list[bytes] = []
        sent_bytes = 0
        self._refuse_if_large(_announced_bytes(request))
        async for chunk in request.stream():
            sent_bytes += len(chunk)
            self._refuse_if_large(sent_bytes)
            part = self._inflating.feed(chunk, self._most_bytes - self.taken_bytes) if self._inflating else chunk
            self._refuse_if_large(self.taken_bytes + len(part))
            self._room.take(len(part))
            self.taken_bytes += len(part)
            parts.append(part)
        if self._inflating:
            self._inflating.end()
        return b"".join(parts)

    def _refuse_if_large(self, found_bytes: int) -> None:
        if found_bytes > self._most_bytes:
            raise Refused(
                Failure(Kind.TOO_LARGE, f"the body is larger than {self._most_bytes} bytes; send less at once")
            )


class _Inflating:
    """A gzip stream, whose members follow each other; it never makes more than it is allowed to, by a byte."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    def feed(self, chunk: bytes, most_bytes: int) -> bytes:
        """What the chunk inflates to; one byte more than allowed when it is too much."""
        made = b""
        while chunk and len(made) <= most_bytes:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                made += self._member.decompress(chunk, most_bytes - len(made) + 1)
            except zlib.error as error:
                raise Refused(
                    Failure(Kind.BAD_REQUEST, "the body is not gzip, as its Content-Encoding says")
                ) from error
            chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return made

    def end(self) -> None:
        """Make sure that the stream is whole."""
        if not self._member.eof:
            raise Refused(Failure(Kind.BAD_REQUEST, "the gzip body breaks off"))


def _inflating(encoding: str) -> _Inflating | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return _Inflating()
        case other:
            raise Refused(Failure(Kind.UNSUPPORTED, f"the content encoding must be gzip or none, not {other[:100]}"))


def _announced_bytes(request: Request) -> int:
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0
