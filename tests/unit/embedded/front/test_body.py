"""The bytes of a request's body."""

from __future__ import annotations

import gzip
import io
import random

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.embedded.front.body import BodyLost, compress, read_body, take, unpack, zstd
from tokentide.embedded.front.refusal import ClickHouseError

PACK = {"lz4": lz4.frame.compress, "zstd": zstd.compress, "gzip": gzip.compress}
NOISE = random.Random(7).randbytes(700_000)
CHUNKED = {"Transfer-Encoding": "chunked"}


def read(raw: bytes, headers, cap_bytes=1 << 30) -> bytes:
    return b"".join(read_body(io.BytesIO(raw), headers, cap_bytes))


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def chunked(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_a_body_of_a_given_length_is_read_to_its_end():
    """What follows on the connection is left alone, and no length means no body."""
    assert read(b"bodyGET /", {"Content-Length": "4"}) == b"body"
    assert read(b"GET /", {}) == b""


def test_a_chunked_body_is_put_together():
    """Chunk sizes, their extensions and trailing headers are not content."""
    assert read(b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\nGET /", CHUNKED) == b"abc0123456789"


def test_pieces_are_bounded():
    """However long a chunk is, no piece of it is."""
    pieces = list(read_body(io.BytesIO(chunked([NOISE])), CHUNKED, 1 << 30))
    assert b"".join(pieces) == NOISE
    assert max(map(len, pieces)) <= 256 * 1024


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (b"bod", {"Content-Length": "4"}),
        (b"", {"Content-Length": "x"}),
        (b"3\r\nab", CHUNKED),
        (b"3\r\nabc\r\n", CHUNKED),
        (b"3\r\nabcd\r\n0\r\n\r\n", CHUNKED),
        (b"zz\r\n", CHUNKED),
        (b"", CHUNKED),
    ],
)
def test_a_body_that_stops_short_is_lost(raw, headers):
    """Half a body is never taken for a whole one."""
    with pytest.raises(BodyLost):
        read(raw, headers)


def test_a_body_that_is_too_long_is_refused():
    """Nobody can send without end."""
    with pytest.raises(ClickHouseError) as refused:
        read(chunked([b"12345", b"6"]), CHUNKED, cap_bytes=5)
    assert refused.value.code == 307


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("size", [1, 1000, 10_000_000])
def test_what_was_packed_is_unpacked(encoding, size):
    """In whatever pieces it comes, and several frames in a row are one content."""
    data = b"tide" * 2000 + NOISE[:2000]
    packed = PACK[encoding](data) + PACK[encoding](b"more")
    assert b"".join(unpack(split(packed, size), encoding)) == data + b"more"


@pytest.mark.parametrize("encoding", PACK)
def test_unpacked_pieces_are_bounded(encoding):
    """A small body that unpacks to a huge one is handed on piece by piece."""
    pieces = list(unpack([PACK[encoding](bytes(30_000_000))], encoding))
    assert sum(map(len, pieces)) == 30_000_000
    assert max(map(len, pieces)) <= 256 * 1024


@pytest.mark.parametrize("encoding", PACK)
def test_a_packed_body_that_stops_short_is_refused(encoding):
    """Half a compressed body is never taken for a whole one."""
    packed = PACK[encoding](NOISE[:5000])
    with pytest.raises(ClickHouseError) as refused:
        list(unpack([packed[:-6]], encoding))
    assert refused.value.code == 271


@pytest.mark.parametrize("encoding", PACK)
def test_bytes_in_another_encoding_are_refused(encoding):
    """What is not what it says is an error, not data."""
    with pytest.raises(ClickHouseError) as refused:
        list(unpack([b"INSERT INTO t FORMAT Native\n"], encoding))
    assert refused.value.code == 271


def test_an_unknown_encoding_is_refused():
    """The error names it."""
    with pytest.raises(ClickHouseError, match="'br'"):
        list(unpack([b"x"], "br"))


@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from(sorted(PACK)), st.integers(1, 50))
def test_any_content_survives(parts, encoding, size):
    """Packing and unpacking give back every byte."""
    packed = b"".join(PACK[encoding](part) for part in parts)
    assert b"".join(unpack(split(packed, size), encoding)) == b"".join(parts)


@pytest.mark.parametrize("encoding", PACK)
def test_answers_are_packed_as_the_client_asks(encoding):
    """The first encoding that is known wins."""
    packed, name = compress(bytes(5000), ("br", encoding, "identity"))
    assert name == encoding
    assert b"".join(unpack([packed], encoding)) == bytes(5000)


@pytest.mark.parametrize(("data", "encodings"), [(b"short", ("lz4",)), (bytes(5000), ("br",)), (bytes(5000), ("",))])
def test_what_is_not_worth_it_is_not_packed(data, encodings):
    """Short answers and unknown encodings go out as they are."""
    assert compress(data, encodings) == (data, None)


def test_taking_says_whether_it_was_all():
    """The rest stays in the source."""
    source = iter([b"ab", b"cd", b"ef"])
    assert take(source, 3) == (b"abcd", False)
    assert take(source, 3) == (b"ef", True)
