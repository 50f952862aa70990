"""What happens in one schedule: chance decides every step, and one number decides chance."""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.fakes import Fault
from tests.simulation.drain import drain
from tests.simulation.made_log import MadeLog, Shape, made_log
from tests.simulation.process import Process
from tests.simulation.stage import Stage
from tests.simulation.verdict import differences
from tokentide.events import DecodedEvent
from tokentide.rollups.targets import Route

__all__ = ["FAILURES", "Profile", "Schedule", "run"]

_SCHEDULES_OF_A_LOG = 32
_ANY_SHAPE = Shape()
FAILURES = (Fault.UNAVAILABLE, Fault.LOST_ACK, Fault.LATE, Fault.PART)


@dataclass(frozen=True, slots=True)
class Profile:
    """How often what happens: weights of the steps, against each other.

    Attributes:
        name: how a command line calls it.
        shape: of the log.
        steps: how many, at least and at most, before everything comes to its end.
        faults: share of calls that go wrong; one of these is drawn for each schedule.
        streaks: how likely the call that came last is answered first, so that others wait for long; also drawn.
        turns: what may happen once, in the middle of a schedule: a method of `Schedule`, or nothing.
        bug: an error that nobody expects, in the middle of a record that is folded soon.
        lagging_rows: rows, too, may be read from a replica that lags: what the settings of a replicated store exclude.
    """

    name: str = "any"
    shape: Shape = _ANY_SHAPE
    steps: tuple[int, int] = (60, 200)
    faults: tuple[float, ...] = (0.0, 0.05, 0.15, 0.3)
    streaks: tuple[float, ...] = (0.0, 0.9)
    turns: tuple[str, ...] = ("", "", "", "", "reset", "restore", "recreate", "cut")
    answer: float = 30.0
    fetch: float = 6.0
    produce: float = 5.0
    jump: float = 3.0
    join: float = 1.2
    leave: float = 0.3
    kill: float = 0.4
    land: float = 1.0
    daily: float = 0.3
    bug: float = 0.0
    lagging_rows: bool = False


class Schedule:
    """One schedule.

    Args:
        seed: its number.
        profile: what it is likely to hold.
        say: told in words of everything that happens.
    """

    def __init__(self, seed: int, profile: Profile, say: Callable[[str], None] = lambda _: None) -> None:
        self._chance = random.Random(f"{profile.name} {seed}")
        self._profile = profile
        log_number = seed // _SCHEDULES_OF_A_LOG
        log: MadeLog = made_log(log_number, profile.shape, 1 + log_number % 2)
        self.stage = Stage(log, say)
        self._faults = self._chance.choice(profile.faults)
        self._streak = self._chance.choice(profile.streaks)
        names = ("answer", "fetch", "produce", "jump", "join", "leave", "kill", "land", "daily", "bug")
        self._steps = [getattr(self, f"_{name}") for name in names]
        self._weights = [getattr(profile, name) for name in names]

    def play(self) -> list[str]:
        """Everything that happens, to the end; what is wrong then."""
        chance = self._chance
        turn = chance.choice(self._profile.turns)
        for part in ("before", "after") if turn else ("before",):
            if part == "after":
                getattr(self, f"_{turn}")()
            for step in chance.choices(self._steps, self._weights, k=chance.randint(*self._profile.steps)):
                step()
        self._end()
        return differences(self.stage)

    # ---- steps

    def _answer(self) -> None:
        """A call is answered, or goes wrong, or its answer is slow, or old, or comes of a thing done twice."""
        if not self.stage.calls:
            self._fetch()
            return
        chance, stage = self._chance, self.stage
        call = stage.calls[-1] if chance.random() < self._streak else chance.choice(stage.calls)
        if chance.random() >= self._faults:
            stage.answer(call)
        elif call.name == "read progress":
            stage.answer_of_old(call, chance.randrange(4))
        elif call.name.startswith("read") and self._profile.lagging_rows:
            stage.tables.answer_as_before(chance.randrange(30), lambda: stage.answer(call))
        elif call.name.startswith("write") and chance.random() < 0.2:
            stage.answer(call, again=True)
        elif call.name.startswith("write") and chance.random() < 0.02:
            stage.fail(call, Fault.REJECTED)
        elif chance.random() < 0.3 and not call.name.endswith("(done)"):
            stage.delay(call)
        else:
            stage.fail(call, chance.choice(FAILURES))

    def _fetch(self) -> None:
        places = [(process, partition) for process in self.stage.processes for partition in process.fetched]
        if places:
            process, partition = self._chance.choice(places)
            process.fetch(partition, self._chance.choice((1, 1, 2, 3, 5)))

    def _produce(self) -> None:
        self.stage.produce(self._chance.choice(self.stage.partitions))

    def _jump(self) -> None:
        self.stage.jump()

    def _join(self) -> None:
        self._worker().join(self._share())

    def _leave(self) -> None:
        if self.stage.processes:
            self._chance.choice(self.stage.processes).leave()

    def _kill(self) -> None:
        if self.stage.processes:
            self.stage.kill(self._chance.choice(self.stage.processes), lambda: self._chance.random() < 0.5)

    def _land(self) -> None:
        if self.stage.late:
            self.stage.land(self._chance.randrange(len(self.stage.late)))

    def _daily(self) -> None:
        self.stage.read_days()

    def _bug(self) -> None:
        self.stage.break_soon(self._chance.randint(1, 6))

    # ---- what turns a schedule round

    def _reset(self) -> None:
        self.stage.reset_group()

    def _restore(self) -> None:
        """Progress comes back as of one moment, every other table as of a later one."""
        moments = len(self.stage.tables.past)
        copied = self._chance.randint(0, moments)
        self.stage.restore_store(lambda table: copied if table == "progress" else self._chance.randint(copied, moments))

    def _recreate(self) -> None:
        """A topic is only given up when everything in it is stored; what its workers sent last may land later."""
        self._drain()
        self.stage.recreate_topic()
        self.stage.calm = False

    def _cut(self) -> None:
        for partition in self.stage.partitions:
            self.stage.cut(partition)

    # ---- the end

    def _end(self) -> None:
        """Faults end; workers die, or go on. What is on its way lands before the last work, or after it."""
        chance, stage = self._chance, self.stage
        if chance.random() < 0.7:
            stage.stop_all()
        while stage.late and chance.random() < 0.7:
            self._land()
        self._drain()
        while stage.late:
            self._land()
        stage.read_days()

    def _drain(self) -> None:
        drain(self.stage, self._chance.choice)

    def _worker(self) -> Process:
        """One of at most three."""
        running = self.stage.processes
        if len(running) < 3 and self._chance.random() < 1 / (1 + len(running)):
            return self.stage.begin()
        return self._chance.choice(running)

    def _share(self) -> list[int]:
        partitions = list(self.stage.partitions)
        return partitions if self._chance.random() < 0.6 else [self._chance.choice(partitions)]


def run(seed: int, profile: Profile, say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Play one schedule; what is wrong at its end, or on the way to it."""
    with _quiet():
        schedule = Schedule(seed, profile, say)
        try:
            with _counted_events(schedule.stage) if profile.bug else contextlib.nullcontext():
                return schedule.play()
        except Exception as error:  # noqa: BLE001  whatever the worker raised is a finding
            return [f"{type(error).__name__}: {error}"]
        finally:
            schedule.stage.close()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Workers say nothing of the faults, of which there are many."""
    logger = logging.getLogger("tokentide")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def _counted_events(stage: Stage) -> Iterator[None]:
    """Let the stage count the calls that are folded, so that one of them can meet a bug."""
    add = Route.add

    def counted_add(self: Route, event: DecodedEvent) -> None:
        stage.count_event()
        add(self, event)

    Route.add = counted_add  # type: ignore[method-assign]
    try:
        yield
    finally:
        Route.add = add  # type: ignore[method-assign]
