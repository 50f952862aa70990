"""How do the bytes of a request's body come in? In pieces of bounded size, unpacked, and never more than a bound."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Protocol

import lz4.frame

from tokentide.embedded.front.refusal import ClickHouseError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from io import BufferedIOBase

    from tokentide.embedded.front.request import Headers

__all__ = ["BodyLost", "compress", "read_body", "take", "unpack"]

_PIECE_BYTES = 256 * 1024
_LINE_BYTES = 8192
_WORTH_PACKING_BYTES = 512

_UNKNOWN_COMPRESSION_METHOD = 89
_CANNOT_DECOMPRESS = 271
_TOO_MANY_BYTES = 307


class BodyLost(ConnectionError):
    """The client stopped in the middle of its body: what came is not what it meant to send."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """zlib's decompressor, with the interface that the others have."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_DECOMPRESSORS: Mapping[str, Callable[[], _Decompressor]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
    "gzip": _Gunzip,
}
_COMPRESSORS: Mapping[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "zstd": lambda data: zstd.compress(data, 1),
    "gzip": lambda data: zlib.compress(data, 1, wbits=31),
}


def read_body(stream: BufferedIOBase, headers: Headers, cap_bytes: int) -> Iterator[bytes]:
    """The body as it came over the wire, chunked or of a given length, piece by piece.

    Raises:
        BodyLost: The connection ended before the body did.
        ClickHouseError: It is longer than `cap_bytes`.
    """
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    total = 0
    for piece in _chunks(stream) if chunked else _exactly(stream, _length(headers.get("Content-Length", "0"))):
        total += len(piece)
        if total > cap_bytes:
            raise ClickHouseError(_TOO_MANY_BYTES, "TOO_MANY_BYTES", f"a body is limited to {cap_bytes} bytes here")
        yield piece


def unpack(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The content of a body with this Content-Encoding; each piece is bounded, whatever the ratio of compression.

    Raises:
        ClickHouseError: The encoding is not known, or the bytes are not in it, or they stop short.
    """
    if encoding in {"", "identity"}:
        yield from pieces
        return
    if encoding not in _DECOMPRESSORS:
        raise ClickHouseError(
            _UNKNOWN_COMPRESSION_METHOD, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method {encoding!r}"
        )
    try:
        yield from _frames(pieces, _DECOMPRESSORS[encoding])
    except (RuntimeError, EOFError, zlib.error, zstd.ZstdError) as error:
        raise ClickHouseError(_CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"not valid {encoding}: {error}") from error


def take(source: Iterator[bytes], size: int) -> tuple[bytes, bool]:
    """At least `size` bytes, or all there are; and whether these are all."""
    pieces, total = [], 0
    for piece in source:
        pieces.append(piece)
        total += len(piece)
        if total >= size:
            return b"".join(pieces), False
    return b"".join(pieces), True


def compress(data: bytes, encodings: Sequence[str]) -> tuple[bytes, str | None]:
    """The data in the first of these encodings that is known, and its name; as it is when that is not worth it."""
    name = next((each for each in encodings if each in _COMPRESSORS), None)
    if name is None or len(data) < _WORTH_PACKING_BYTES:
        return data, None
    return _COMPRESSORS[name](data), name


def _frames(pieces: Iterable[bytes], make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Any number of compressed frames, one after the other."""
    decompressor, in_frame = make(), False
    for piece in pieces:
        rest: bytes | None = piece
        while rest is not None:
            in_frame = in_frame or bool(rest)
            out = decompressor.decompress(rest, _PIECE_BYTES)
            if out:
                yield out
            rest = None if decompressor.needs_input and len(out) < _PIECE_BYTES else b""
            if decompressor.eof:
                rest = decompressor.unused_data or None
                decompressor, in_frame = make(), False
    if in_frame:
        raise EOFError("it stops in the middle")


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    while size := _chunk_size(stream.readline(_LINE_BYTES)):
        yield from _exactly(stream, size)
        if stream.readline(_LINE_BYTES).strip():
            raise BodyLost("a chunk is longer than it said")
    while stream.readline(_LINE_BYTES).strip():  # trailing headers
        pass


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError as error:
        raise BodyLost("the body ended without its last chunk") from error


def _exactly(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    left = size
    while left > 0:
        piece = stream.read(min(left, _PIECE_BYTES))
        if not piece:
            raise BodyLost(f"{left} of {size} bytes did not come")
        left -= len(piece)
        yield piece


def _length(text: str) -> int:
    if not text.isdecimal():
        raise BodyLost(f"a length of {text!r}")
    return int(text)
