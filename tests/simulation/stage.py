"""What outlives every worker of a simulation: store, topic, group and dead letters, and every call on its way to them.

Nothing happens here by itself. Whoever directs a schedule (chance, or Hypothesis) lets a call be answered, an effect
land late, time pass, a worker begin or die; after each such step everything runs until it waits for the next.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tests.daily_tables import first_day
from tests.fakes import Fault, SteppedLoop, Topic, go_wrong
from tests.simulation.backup import RememberingTables
from tests.simulation.made_log import DEDUP_MS, HOT_MS, MAX_IDS, MAX_NAMES, MadeLog
from tests.simulation.process import Bug, Process
from tests.simulation.wire import Call
from tokentide.events import Limits
from tokentide.rollups import FoldSettings
from tokentide.rollups.days import days_over
from tokentide.worker.loading import LoadSettings

__all__ = ["FOLD", "Stage"]

FOLD = FoldSettings(hot_window_ms=HOT_MS, dedup_window_ms=DEDUP_MS, dedup_max_ids=MAX_IDS, max_names=MAX_NAMES)


class Stage:
    """The world of one schedule.

    Args:
        log: what stands in the topic; it appears there record by record.
        say: told in words of everything that happens.

    Attributes:
        life: which life of the topic this is, from 0.
        calm: nothing goes wrong now, and nothing may be refused.
        late: what is on its way and may arrive at any time, or not before the end.
        wrong_days: what someone was told who read by days, and not by hours.
        members: which worker the group takes for the owner of a partition, and in which generation.
    """

    def __init__(self, log: MadeLog, say: Callable[[str], None] = lambda _: None) -> None:
        self.log = log
        self.life = 0
        self.calm = False
        self.loop = SteppedLoop()
        self.partitions = range(len(log.lives[0].records))
        self.topic = Topic(len(self.partitions))
        self.tables = RememberingTables()
        self.letters: list[Any] = []
        self.members: dict[int, tuple[Process, int]] = {}
        self.processes: list[Process] = []
        self.gone: list[Process] = []
        self.calls: list[Call] = []
        self.late: list[tuple[str, Callable[[], object]]] = []
        self.wrong_days: list[str] = []
        self.say = say
        self._born = 0
        self._until_bug = 0
        self._generation = 0

    @property
    def settings(self) -> LoadSettings:
        """What a worker that begins now loads with."""
        return LoadSettings(FOLD, Limits(), epoch=self.life, patience_seconds=5.0)

    # ---- the topic

    def unwritten(self, partition: int) -> int:
        """How many records of this life are not in the topic yet."""
        return len(self.log.lives[self.life].records[partition]) - len(self.topic.records[partition])

    def produce(self, partition: int, count: int = 1) -> None:
        """The next records appear in the topic."""
        held = self.topic.records[partition]
        held += self.log.lives[self.life].records[partition][len(held) : len(held) + count]
        self.say(f"the log of {partition} reaches {len(held)}")

    def cut(self, partition: int) -> None:
        """Retention deletes the head of a log: nothing that a worker, or the duplicates window of one, still needs."""
        if any(process.joining for process in self.processes):
            return
        needed = [self.tables.position(partition)]
        for process in self.processes:
            needed += [state.next_offset for number, state in process.pipeline.states.items() if number == partition]
            needed += [process.fetched.get(partition, needed[0])]
        records = self.topic.records[partition][: min(needed)]
        newest_ms = max((record.timestamp for record in records), default=0)
        kept = (record.offset for record in records if record.timestamp >= newest_ms - DEDUP_MS)
        begin = max(self.topic.begins.get(partition, 0), next(kept, 0))
        self.topic.begins[partition] = begin
        self.say(f"the log of {partition} begins at {begin}")

    def recreate_topic(self) -> None:
        """The topic is deleted and made again, after all workers stopped; new ones get the next epoch."""
        self.stop_all()
        self.members.clear()
        self.life += 1
        self.topic.records = {number: [] for number in self.partitions}
        self.topic.begins.clear()
        self.topic.committed.clear()
        self.say("the topic is deleted and made again, the epoch raised")

    # ---- the group

    def reset_group(self) -> None:
        """The group's offsets are set to the beginning, for which nobody may be a member."""
        self.stop_all()
        self.members.clear()
        self.topic.committed = dict.fromkeys(self.partitions, 0)
        self.say("the group is set to the beginning of the log")

    def take(self, process: Process, partitions: Iterable[int]) -> int:
        """The group assigns partitions to a member; whoever had them is none any more. The member's generation."""
        self._generation += 1
        self.members |= dict.fromkeys(partitions, (process, self._generation))
        return self._generation

    def commit(self, process: Process, generation: int, positions: Mapping[int, int]) -> bool:
        """Take a commit, unless another rebalance went over it."""
        taken = all(self.members.get(partition) == (process, generation) for partition in positions)
        if taken:
            self.topic.committed.update(positions)
        return taken

    # ---- the store

    def restore_store(self, moment_of: Callable[[str], int]) -> None:
        """All workers stop, tables come back as they were at moments (`RememberingTables`), the group is rewound."""
        self.stop_all()
        self.late.clear()  # what was on its way to the old store never arrives at the new one
        self.tables.restore(moment_of)
        self.tables.daily.clear()  # as docs/guarantee.md says to
        self.say("the store is restored from a backup")
        self.reset_group()

    def read_days(self) -> None:
        """Someone reads by days, and by hours, as the marks say now: both must be told the same."""
        found = list(self.tables.daily.differences(self.tables.rows, self._epochs()))
        self.wrong_days += found
        self.say(f"days are read: {found or 'as the hours say'}")

    def open_days(self) -> Iterator[tuple[int, int]]:
        """Days that are over, by partition, and not sealed."""
        sealed, first = set(self.tables.daily.sealed(self._epochs())), first_day(self.tables.rows)
        for partition, (_, entry) in self.tables.progress.items():
            days = () if first is None else range(first, days_over(entry.position))
            yield from ((partition, day) for day in days if (partition, day) not in sealed)

    def _epochs(self) -> dict[int, int]:
        return {number: entry.position.epoch for number, (_, entry) in self.tables.progress.items()}

    # ---- workers

    def begin(self) -> Process:
        """A worker that has no partitions yet."""
        self._born += 1
        process = Process(self, f"w{self._born}")
        self.processes.append(process)
        self.say(f"{process.name} begins")
        return process

    def kill(self, process: Process, lands: Callable[[], bool] = lambda: True) -> None:
        """A worker dies, as by kill -9. What it sent last is lost, or lands later, call by call."""
        self.processes.remove(process)
        self.gone.append(process)
        for call in [call for call in self.calls if call.process is process]:
            self.calls.remove(call)
            if call.writes and lands():
                self.late.append((f"{process.name}'s {call.name}", call.effect))
        process.end()
        self.loop.settle()
        self.say(f"{process.name} is gone")

    def break_soon(self, events: int) -> None:
        """The fold of the last of so many events, whoever folds it, raises what nobody expects."""
        self._until_bug = events
        self.say(f"a bug waits {events} events away")

    def count_event(self) -> None:
        """An event is about to be folded."""
        self._until_bug -= 1
        if self._until_bug == 0 and not self.calm:
            raise Bug("in the middle of a record")

    def stop_all(self) -> None:
        """Every worker dies."""
        for process in list(self.processes):
            self.kill(process)

    def close(self) -> None:
        """Nothing runs any more."""
        for process in self.processes:
            process.end()
        self.loop.settle()
        self.loop.close()

    def settle(self) -> None:
        """Run until everything waits; workers that failed end as the process does."""
        self.loop.settle()
        for process in list(self.processes):
            if process in self.processes and process.has_ended() and process in self.processes:
                self.kill(process)

    # ---- calls

    def ask(self, call: Call) -> None:
        """A worker calls."""
        self.calls.append(call)
        self.say(f"{call.process.name} calls: {call.name}")

    def answer(self, call: Call, *, again: bool = False) -> None:
        """The call is done and answered; done `again` when its client repeated it without a word."""
        self.calls.remove(call)
        self.say(f"{call.process.name} is answered: {call.name}{', which will be done again' * again}")
        if again:
            self.late.append((f"{call.process.name}'s second {call.name}", call.effect))
        value = call.effect()
        if not call.answer.done():
            call.answer.set_result(value)
        self.settle()

    def fail(self, call: Call, fault: Fault) -> None:
        """The call goes wrong."""
        self.calls.remove(call)
        self.say(f"{call.process.name} is failed: {call.name}: {fault.value}")
        on_the_way: list[Callable[[], object]] = []
        try:
            go_wrong(fault, call.name, call.effect, call.part, error=call.error, on_the_way=on_the_way)
        except Exception as error:  # noqa: BLE001  it is the worker's to handle
            if not call.answer.done():
                call.answer.set_exception(error)
        self.late += [(f"{call.process.name}'s {call.name}", effect) for effect in on_the_way]
        self.settle()

    def delay(self, call: Call) -> None:
        """The call is done now; its answer takes its time."""
        value = call.effect()
        call.effect = lambda: value
        call.name += " (done)"
        self.say(f"{call.process.name} waits for its answer: {call.name}")

    def answer_of_old(self, call: Call, back: int) -> None:
        """Progress is read from a replica that is so many writes behind."""
        call.effect = functools.partial(self.tables.progress_before, back)
        self.answer(call)

    def land(self, number: int) -> None:
        """What is on its way arrives."""
        name, effect = self.late.pop(number)
        self.say(f"arrives late: {name}")
        effect()

    def jump(self) -> None:
        """Time passes until the next timer."""
        self.loop.jump()
        self.settle()
