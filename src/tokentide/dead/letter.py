"""What does a record of the dead-letter topic say? It is a letter, or a mark about a letter's replay.

A letter's headers say where it came from and why it was refused (`tokentide.worker.adapters.KafkaDeadLetters`). A mark
has the header `mark`, and a JSON object as its value. It stands in the same partition as its letter and behind it, so
that whoever reads that partition sees all of a letter's story in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from tokentide.dead.projects import projects_in

__all__ = ["Begun", "DeadRecord", "Letter", "LetterId", "Mark", "Place", "Sent", "mark_bytes", "parse"]

MARK = "mark"


class DeadRecord(Protocol):
    """A record of the dead-letter topic, as Kafka's client delivers it."""

    @property
    def offset(self) -> int:
        """Its place in its partition."""

    @property
    def value(self) -> bytes | None:
        """The refused bytes, or a mark."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """What is said about them."""


class Place(NamedTuple):
    """Where a record stands in a topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class LetterId(msgspec.Struct, frozen=True, array_like=True):
    """Which refused bytes a letter holds: the same letter may be on the topic more than once.

    The time tells apart the records of a topic that was deleted and made again, whose offsets begin anew.
    """

    topic: str
    partition: int
    offset: int
    index: int | None
    record_time_ms: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}" + ("" if self.index is None else f":{self.index}")


class Letter(NamedTuple):
    """Refused bytes, but for the bytes themselves.

    Attributes:
        id: where they came from.
        place: where the letter stands in the dead-letter topic.
        reason: of the closed set.
        detail: what was wrong, in words.
        size: how many bytes were refused.
        cut: whether the letter holds only the beginning of them.
        projects: the projects that the bytes name, as far as they can be read.
    """

    id: LetterId
    place: Place
    reason: str
    detail: str
    size: int
    cut: bool
    projects: tuple[str, ...]


class Begun(msgspec.Struct, frozen=True, tag="replay_begun", tag_field="mark"):
    """A replay is about to be sent.

    Attributes:
        letter: which letter.
        attempt: the how manieth replay of it, from 1.
        producer_id: identity of the producer that sends it as its only record, so that Kafka takes it once.
        producer_epoch: of that identity.
        to: the partition that it goes to.
        after: nothing at a lower offset of that partition is it.
        at_ms: when, by the clock of who began.
    """

    letter: LetterId
    attempt: int
    producer_id: int
    producer_epoch: int
    to: int
    after: int
    at_ms: int


class Sent(msgspec.Struct, frozen=True, tag="replayed", tag_field="mark"):
    """A replay stands in the topic of the events.

    Attributes:
        letter: which letter.
        attempt: the how manieth replay of it.
        to: where the record stands now.
        record_time_ms: that record's timestamp.
        at_ms: when this was known.
    """

    letter: LetterId
    attempt: int
    to: Place
    record_time_ms: int
    at_ms: int


Mark = Begun | Sent
_mark_of = msgspec.json.Decoder(Begun | Sent).decode


def parse(partition: int, record: DeadRecord) -> Letter | Mark | None:
    """What the record is; None when it is neither, and no business of ours."""
    headers = dict(record.headers)
    try:
        if MARK in headers:
            mark: Mark = _mark_of(record.value or b"")
            return mark
        return _letter(Place(partition, record.offset), headers, record.value or b"")
    except (KeyError, ValueError, msgspec.DecodeError):
        return None


def mark_bytes(mark: Mark) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The value and the headers of a mark's record."""
    return msgspec.json.encode(mark), [(MARK, b"replay")]


def _letter(place: Place, headers: dict[str, bytes], raw: bytes) -> Letter:
    said = {name: text.decode(errors="replace") for name, text in headers.items()}
    index = int(said["index"]) if said["index"] else None
    time_ms = int(said["record_time_ms"])
    cut = said.get("cut_from_bytes")
    return Letter(
        LetterId(said["topic"], int(said["partition"]), int(said["offset"]), index, time_ms),
        place,
        said["reason"],
        said["detail"],
        len(raw) if cut is None else int(cut),
        cut is not None,
        projects_in(raw),
    )
