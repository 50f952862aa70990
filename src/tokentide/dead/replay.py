"""How a letter gets back into the topic of the events exactly once, whatever happens to who sends it.

    1  an identity of its own        a producer id, under which Kafka takes one record number 0, and no second one
    2  the mark "begun" with it      dies after it: whoever comes next sends under the same identity
    3  read on behind the mark       another run's mark came first: that run, or its successor, sends the letter
    4  send under the identity       dies after it: the next one finds it in the log, or sends it again, in vain
    5  the mark "sent"               a second replay says so and sends nothing

A worker that starts anew reads the last stretch of the log again, to know its duplicates. Where its settings accept now
what was refused then, it would take the replay for a repetition of that: so such a letter waits until its record is
older than the duplicates window.

So there is no moment at which nobody knows whether a letter was sent, and a request that arrives late, of a process
that is long dead, meets its own repetition. No transaction is needed, which would leave markers among the events.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from tokentide.dead.ledger import Attempt, Ledger
from tokentide.dead.letter import Begun, Letter, LetterId, Mark, Place, Sent
from tokentide.events import Limits, decode

__all__ = ["Arrived", "Identity", "Outcome", "Post", "Replay", "ReplayRecord", "Result", "TooLargeForTopic"]

_AT_ONCE = 100


class Identity(NamedTuple):
    """Under which a producer sends exactly one record."""

    producer_id: int
    epoch: int

    def __str__(self) -> str:
        return f"{self.producer_id}.{self.epoch}"


class Arrived(NamedTuple):
    """A record of the events' topic: where it stands, and its timestamp."""

    place: Place
    record_time_ms: int


class ReplayRecord(NamedTuple):
    """What is sent: into which partition, under which identity, and which letter that is."""

    partition: int
    identity: Identity
    letter: Letter
    value: bytes


class TooLargeForTopic(Exception):
    """The topic of the events does not take a record of that size."""


class Post(Protocol):
    """The two topics, as a replay needs them. Every method may raise DependencyUnavailable."""

    async def identities(self, count: int) -> Sequence[Identity]:
        """Identities that nobody had before."""

    async def note(self, marks: Sequence[tuple[Mark, int]]) -> None:
        """Write marks into their partitions of the dead-letter topic; acknowledged when it returns."""

    async def catch_up(self, ledger: Ledger) -> None:
        """Fold everything that is in the dead-letter topic now."""

    async def bytes_of(self, letters: Sequence[Letter]) -> Mapping[LetterId, bytes]:
        """The refused bytes, whole; a letter that was cut, and whose record the log lost, is absent."""

    async def bounds(self, partition: int) -> tuple[int, int]:
        """The first offset and the next one of a partition of the events."""

    async def find(self, partition: int, after: int, identities: Collection[Identity]) -> Mapping[Identity, Arrived]:
        """Which of the replays stand in a partition of the events, at or above an offset."""

    async def send(self, record: ReplayRecord) -> Arrived | None:
        """Send; None when Kafka had taken a record under that identity before.

        Raises:
            TooLargeForTopic: it never will.
        """


class Outcome(enum.StrEnum):
    """What became of one letter in this run."""

    SENT = "sent"
    FINISHED = "finished"
    ALREADY = "already"
    ELSEWHERE = "elsewhere"
    REFUSED_AGAIN = "refused_again"
    OTHER_TOPIC = "other_topic"
    CUT = "cut"
    TOO_LARGE = "too_large"
    UNKNOWN = "unknown"
    TOO_EARLY = "too_early"


DONE = frozenset({Outcome.SENT, Outcome.FINISHED, Outcome.ALREADY})


class Result(NamedTuple):
    """One letter, what became of it, and where its newest replay stands when that is known."""

    letter: Letter
    outcome: Outcome
    to: Place | None = None


@dataclass(slots=True)
class Replay:
    """One run.

    Attributes:
        post: the topics.
        ledger: what is known of them.
        topic: name of the events' topic.
        now_ms: the present moment.
        limits: what events are held against now.
        dedup_window_ms: how long ids are known.
        again: send also what was sent before, and what is itself a replay.
        on_done: told of how many letters more there is nothing left to do.
    """

    post: Post
    ledger: Ledger
    topic: str
    now_ms: int
    limits: Limits = field(default_factory=Limits)
    dedup_window_ms: int = 600_000
    again: bool = False
    on_done: Callable[[int], None] = lambda _: None

    async def run(self, letters: Sequence[Letter]) -> list[Result]:
        """Replay the letters; the results are in their order."""
        there = await self._arrived(letters)
        found = {letter.id: await self._before(letter, there) for letter in letters}
        new = [letter for letter in letters if found[letter.id] is None]
        self.on_done(len(letters) - len(new))
        for begin in range(0, len(new), _AT_ONCE):
            sent = await self._send_all(new[begin : begin + _AT_ONCE])
            found |= {result.letter.id: result for result in sent}
            self.on_done(len(sent))
        return [result for letter in letters if (result := found[letter.id]) is not None]

    async def _arrived(self, letters: Sequence[Letter]) -> Mapping[Identity, Arrived]:
        """Which of the replays that other runs began stand in the log: one look at each partition."""
        begun: dict[int, list[Begun]] = {}
        for letter in letters:
            last = self.ledger.last_attempt(letter.id)
            if last is not None and last[1].open and last[1].begun is not None:
                begun.setdefault(last[1].begun.to, []).append(last[1].begun)
        there: dict[Identity, Arrived] = {}
        for partition, marks in begun.items():
            identities = [_identity(mark) for mark in marks]
            there |= await self.post.find(partition, min(mark.after for mark in marks), identities)
        return there

    async def _before(self, letter: Letter, there: Mapping[Identity, Arrived]) -> Result | None:
        """What there is to say of a letter without a new replay; None when it is to be sent."""
        if letter.id.topic != self.topic:
            return Result(letter, Outcome.OTHER_TOPIC)
        last = self.ledger.last_attempt(letter.id)
        if last is not None and last[1].open:
            settled = await self._settle(letter, *last, there)
            if settled.outcome is not Outcome.UNKNOWN or not self.again:
                return settled
        elif last is not None and last[1].sent is not None and not self.again:
            return Result(letter, Outcome.ALREADY, last[1].sent.to)
        if self.ledger.replay_of(letter.id) is not None and not self.again:
            return Result(letter, Outcome.REFUSED_AGAIN)
        return None

    async def _settle(self, letter: Letter, number: int, attempt: Attempt, there: Mapping[Identity, Arrived]) -> Result:
        """Bring a replay that another run began to its end."""
        begun = attempt.begun
        assert begun is not None, "an open attempt was begun"
        arrived = there.get(_identity(begun))
        if arrived is None:
            if (await self.post.bounds(begun.to))[0] > begun.after:
                return Result(letter, Outcome.UNKNOWN)
            return await self._send(letter, begun, await self.post.bytes_of([letter]), Outcome.FINISHED)
        await self._note_sent(letter, number, arrived)
        return Result(letter, Outcome.FINISHED, arrived.place)

    async def _send_all(self, letters: Sequence[Letter]) -> list[Result]:
        bodies = await self.post.bytes_of(letters)
        results = [Result(letter, Outcome.CUT) for letter in letters if letter.id not in bodies]
        whole = [letter for letter in letters if letter.id in bodies]
        early = {letter.id for letter in whole if self._is_early(letter, bodies[letter.id])}
        results += [Result(letter, Outcome.TOO_EARLY) for letter in whole if letter.id in early]
        ripe = [letter for letter in whole if letter.id not in early]
        begun = await self._begin(ripe)
        await self.post.catch_up(self.ledger)
        for letter, mark in zip(ripe, begun, strict=True):
            if self.ledger.holds(mark):
                results.append(await self._send(letter, mark, bodies, Outcome.SENT))
            else:
                results.append(Result(letter, Outcome.ELSEWHERE))
        return results

    def _is_early(self, letter: Letter, value: bytes) -> bool:
        """Whether a worker that starts now would take the replay for a duplicate of the refused record."""
        time_ms = letter.id.record_time_ms
        recent = time_ms + self.dedup_window_ms >= self.now_ms
        return recent and bool(decode(value, time_ms, self.limits).events)

    async def _begin(self, letters: Sequence[Letter]) -> list[Begun]:
        identities = await self.post.identities(len(letters))
        ends = {p: (await self.post.bounds(p))[1] for p in sorted({letter.id.partition for letter in letters})}
        marks = []
        for letter, identity in zip(letters, identities, strict=True):
            last = self.ledger.last_attempt(letter.id)
            to = letter.id.partition
            number = 1 if last is None else last[0] + 1
            marks.append(Begun(letter.id, number, *identity, to=to, after=ends[to], at_ms=self.now_ms))
        await self.post.note([(mark, letter.place.partition) for mark, letter in zip(marks, letters, strict=True)])
        return marks

    async def _send(self, letter: Letter, begun: Begun, bodies: Mapping[LetterId, bytes], outcome: Outcome) -> Result:
        if letter.id not in bodies:
            return Result(letter, Outcome.CUT)
        identity = _identity(begun)
        try:
            arrived = await self.post.send(ReplayRecord(begun.to, identity, letter, bodies[letter.id]))
        except TooLargeForTopic:
            return Result(letter, Outcome.TOO_LARGE)
        if arrived is None:
            arrived = (await self.post.find(begun.to, begun.after, [identity])).get(identity)
        if arrived is None:  # it was there, and the log has let it go since
            return Result(letter, Outcome.UNKNOWN)
        await self._note_sent(letter, begun.attempt, arrived)
        return Result(letter, outcome, arrived.place)

    async def _note_sent(self, letter: Letter, number: int, arrived: Arrived) -> None:
        mark = Sent(letter.id, number, arrived.place, arrived.record_time_ms, self.now_ms)
        await self.post.note([(mark, letter.place.partition)])


def _identity(begun: Begun) -> Identity:
    return Identity(begun.producer_id, begun.producer_epoch)
