"""A letter is sent exactly once, wherever a run dies, however many run at once, and whenever a request arrives."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field

import pytest

from tests.builders import AT_MS, an_event, line
from tests.fakes import in_virtual_time
from tokentide.dead.ledger import Ledger
from tokentide.dead.letter import Letter, Place, mark_bytes, parse
from tokentide.dead.replay import Arrived, Identity, Outcome, Replay, TooLargeForTopic

TOPIC = "llm.events"


class Died(Exception):
    """The process ended here."""


@dataclass
class DeadRecord:
    offset: int
    value: bytes
    headers: list


@dataclass
class Topics:
    """Kafka: the events' topic takes one record of an identity, and drops the others."""

    dead: list[DeadRecord] = field(default_factory=list)
    events: list[tuple[Identity, bytes]] = field(default_factory=list)
    first: int = 0
    largest: int = 1000
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def add_letter(self, offset, raw, index=0, reason="bad_value", time_ms=1000, **others):
        said = {"topic": TOPIC, "partition": 0, "offset": offset, "index": "" if index is None else index}
        said |= {"record_time_ms": time_ms, "reason": reason, "detail": "said so"} | others
        headers = [(name, str(value).encode()) for name, value in said.items()]
        self.dead.append(DeadRecord(len(self.dead), raw, headers))

    def append(self, identity, value):
        if any(known == identity for known, _ in self.events):
            return None
        self.events.append((identity, value))
        return self.arrived(len(self.events) - 1)

    def arrived(self, offset):
        return Arrived(Place(0, offset), 5000 + offset)


class Post:
    """One process's way to the topics: it dies before or after its n-th call, or pauses there for others."""

    def __init__(self, topics, dies_at=None, pause=None):
        self.topics = topics
        self.read = 0
        self.calls = []
        self._dies_at = dies_at
        self._pause = pause
        self.late = []

    async def _step(self, name, effect):
        number = len(self.calls)
        self.calls.append(name)
        if self._dies_at == (number, "before"):
            self.late.append(effect)
            raise Died
        done = effect()
        if self._dies_at == (number, "after"):
            raise Died
        if self._pause is not None:
            await self._pause()
        return done

    async def identities(self, count):
        return await self._step("identities", lambda: [Identity(next(self.topics.numbers), 0) for _ in range(count)])

    async def note(self, marks):
        def write():
            for mark, _ in marks:
                self.topics.dead.append(DeadRecord(len(self.topics.dead), *mark_bytes(mark)))

        await self._step("note", write)

    async def catch_up(self, ledger):
        for record in self.topics.dead[self.read :]:
            ledger.take(0, record)
        self.read = len(self.topics.dead)

    async def bytes_of(self, letters):
        return {letter.id: self.topics.dead[letter.place.offset].value for letter in letters if not letter.cut}

    async def bounds(self, partition):
        return self.topics.first, len(self.topics.events)

    async def find(self, partition, after, identities):
        stored = enumerate(self.topics.events)
        return {known: self.topics.arrived(at) for at, (known, _) in stored if known in identities and at >= after}

    async def send(self, record):
        if len(record.value) > self.topics.largest:
            raise TooLargeForTopic
        return await self._step("send", lambda: self.topics.append(record.identity, record.value))


async def a_run(topics, again=False, now_ms=1, **post):
    """Everything that a `replay` of all letters does; the outcomes, or "died"."""
    way, ledger = Post(topics, **post), Ledger()
    await way.catch_up(ledger)
    try:
        results = await Replay(way, ledger, TOPIC, now_ms, again=again).run(list(ledger.letters.values()))
    except Died:
        return "died", way
    return [str(result.outcome) for result in results], way


def two_letters():
    topics = Topics()
    topics.add_letter(7, b"one")
    topics.add_letter(8, b"\xff\x00two", index=None)
    return topics


def values(topics):
    return sorted(value for _, value in topics.events)


@in_virtual_time
async def test_letters_are_sent_once_and_a_second_replay_says_so():
    """The bytes are the same, and the second one sends nothing."""
    topics = two_letters()
    assert (await a_run(topics))[0] == ["sent", "sent"]
    assert values(topics) == [b"one", b"\xff\x00two"]
    assert (await a_run(topics))[0] == ["already", "already"]
    assert len(topics.events) == 2


STEPS = range(6)  # identities, begun, send, sent, send, sent


@in_virtual_time
async def test_the_steps_of_a_run():
    """What the deaths below are laid at."""
    _, way = await a_run(two_letters())
    assert way.calls == ["identities", "note", "send", "note", "send", "note"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("when", "arrives"), [("before", "never"), ("before", "first"), ("before", "last"), ("after", "never")]
)
@in_virtual_time
async def test_a_death_at_any_step(step, when, arrives):
    """The next run finishes what was begun. What the dead one sent last may arrive before it, behind it, or never."""
    topics = two_letters()
    died, dead = await a_run(topics, dies_at=(step, when))
    assert died == "died"
    if arrives == "first":
        dead.late[0]()
    outcomes, _ = await a_run(topics)
    assert set(outcomes) <= {"sent", "finished", "already"}
    if arrives == "last":
        dead.late[0]()
    assert values(topics) == [b"one", b"\xff\x00two"]
    assert (await a_run(topics))[0] == ["already", "already"]
    assert len(topics.events) == 2


@pytest.mark.parametrize(("first", "second"), list(itertools.product(STEPS, repeat=2)))
@in_virtual_time
async def test_two_deaths(first, second):
    """Also the run that finishes another one may die anywhere."""
    topics = two_letters()
    await a_run(topics, dies_at=(first, "after"))
    await a_run(topics, dies_at=(second, "after"))
    await a_run(topics)
    assert values(topics) == [b"one", b"\xff\x00two"]


@pytest.mark.parametrize("begins_at", range(7))
@in_virtual_time
async def test_two_runs_at_once(begins_at):
    """Whoever's mark comes first sends; the other one leaves the letter alone, or helps to finish it."""
    topics = two_letters()
    turn = itertools.count()

    async def pause():
        if next(turn) == begins_at:
            await a_run(topics)
        await asyncio.sleep(0)

    await a_run(topics, pause=pause)
    assert values(topics) == [b"one", b"\xff\x00two"]
    assert (await a_run(topics))[0] == ["already", "already"]


@in_virtual_time
async def test_two_runs_in_step():
    """Both read that nothing was sent, and both begin."""
    topics = two_letters()

    async def pause():
        await asyncio.sleep(1)

    both = await asyncio.gather(a_run(topics, pause=pause), a_run(topics, pause=pause))
    assert sorted(outcome for outcomes, _ in both for outcome in outcomes) == ["elsewhere"] * 2 + ["sent"] * 2
    assert values(topics) == [b"one", b"\xff\x00two"]


@in_virtual_time
async def test_again_is_one_more_each_time():
    """Only who asks for it sends a letter again, and each time once."""
    topics = two_letters()
    await a_run(topics)
    assert (await a_run(topics, again=True))[0] == ["sent", "sent"]
    assert (await a_run(topics))[0] == ["already", "already"]
    assert len(topics.events) == 4


@in_virtual_time
async def test_what_is_refused_again_is_not_sent_again():
    """Its letter is known for a replay's by where it came from, so that nothing goes round in circles."""
    topics = two_letters()
    await a_run(topics)
    place, time_ms = topics.arrived(0)
    topics.add_letter(place.offset, b"one", time_ms=time_ms)
    topics.add_letter(place.offset, b"else", time_ms=time_ms + 1)  # the topic was made again meanwhile
    assert (await a_run(topics))[0] == ["already", "already", "refused_again", "sent"]
    assert (await a_run(topics, again=True))[0] == ["sent"] * 4


@in_virtual_time
async def test_what_cannot_be_sent_is_said():
    """A letter of another topic, one that was cut, one that is too large."""
    topics = Topics(largest=5)
    topics.add_letter(1, b"x", topic="other")
    topics.add_letter(2, b"x", cut_from_bytes=100_000)
    topics.add_letter(3, b"123456")
    topics.add_letter(4, b"12345")
    assert (await a_run(topics))[0] == ["other_topic", "cut", "too_large", "sent"]
    topics.largest = 10
    assert (await a_run(topics))[0] == ["other_topic", "cut", "finished", "already"]
    assert values(topics) == [b"12345", b"123456"]


@in_virtual_time
async def test_a_log_that_no_longer_tells():
    """Whether an old replay arrived cannot be known once its part of the log is gone: only `again` sends it then."""
    topics = two_letters()
    await a_run(topics, dies_at=(1, "after"))
    topics.events += [(Identity(1000, 0), b"other")] * 3
    topics.first = 3
    assert (await a_run(topics))[0] == [Outcome.UNKNOWN, Outcome.UNKNOWN]
    assert (await a_run(topics, again=True))[0] == ["sent", "sent"]


@in_virtual_time
async def test_a_letter_that_is_there_twice_is_one():
    """A worker that failed in the middle of a flush writes its letters again."""
    topics = Topics()
    for _ in range(2):
        topics.add_letter(7, b"one")
    assert (await a_run(topics))[0] == ["sent"]
    topics.add_letter(7, b"one")
    assert (await a_run(topics))[0] == ["already"]
    assert values(topics) == [b"one"]


@pytest.mark.parametrize(("after_ms", "outcome"), [(0, "too_early"), (600_000, "too_early"), (600_001, "sent")])
@in_virtual_time
async def test_what_is_accepted_now_waits_until_its_first_coming_is_forgotten(after_ms, outcome):
    """A worker that starts with other settings remembers the refused record as a counted one for that long."""
    topics = Topics()
    topics.add_letter(7, line(an_event(at_ms=AT_MS)), reason="too_large", time_ms=AT_MS)
    topics.add_letter(8, b"still bad", time_ms=AT_MS)
    assert (await a_run(topics, now_ms=AT_MS + after_ms))[0] == [outcome, "sent"]


def test_a_letter_is_read_back_from_its_record():
    """Everything that its headers say, and the project that its bytes name."""
    topics = Topics()
    topics.add_letter(7, b'{"project_id": "p"', index=3, reason="not_json", cut_from_bytes=99)
    letter = parse(2, topics.dead[0])
    assert isinstance(letter, Letter)
    assert str(letter.id) == "0:7:3"
    assert (letter.place, letter.reason, letter.size, letter.cut) == (Place(2, 0), "not_json", 99, True)
    assert letter.projects == ("p",)
    assert parse(0, DeadRecord(0, b"?", [("mark", b"replay")])) is None
    assert parse(0, DeadRecord(0, b"?", [])) is None
