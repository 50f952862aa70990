"""Any story at all, told by Hypothesis: when one ends badly, it is shrunk to the shortest that does."""

from __future__ import annotations

import logging

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import tests.strategies  # noqa: F401  sets how many examples are tried
from tests.simulation.drain import drain
from tests.simulation.made_log import Shape, made_log
from tests.simulation.schedule import FAILURES
from tests.simulation.stage import Stage
from tests.simulation.verdict import differences

SHAPE = Shape(records=(3, 6))
NUMBERS = st.integers(0, 7)


class Delivery(RuleBasedStateMachine):
    """The world of the schedules, where Hypothesis decides every step."""

    def __init__(self):
        super().__init__()
        self.stage = None

    @initialize(number=st.integers(0, 7), partitions=st.integers(1, 2))
    def begin(self, number, partitions):
        logging.getLogger("tokentide").setLevel(logging.CRITICAL)
        self.stage = Stage(made_log(number, SHAPE, partitions))
        for partition in self.stage.partitions:
            self.stage.produce(partition, 3)
        self.stage.begin().join(self.stage.partitions)
        self.answer_some(30)

    @rule(count=st.integers(1, 30))
    def answer_some(self, count):
        for _ in range(count):
            if self.stage.calls:
                self.stage.answer(self.stage.calls[-1])

    @precondition(lambda self: self.stage.calls)
    @rule(number=NUMBERS, again=st.booleans())
    def answer(self, number, again):
        call = self.stage.calls[number % len(self.stage.calls)]
        self.stage.answer(call, again=again and call.writes)

    @precondition(lambda self: self.stage.calls)
    @rule(number=NUMBERS, fault=st.sampled_from(FAILURES))
    def fail(self, number, fault):
        self.stage.fail(self.stage.calls[number % len(self.stage.calls)], fault)

    @rule(count=st.integers(1, 4))
    def fetch(self, count):
        for process in list(self.stage.processes):
            for partition in list(process.fetched):
                process.fetch(partition, count)

    @rule(number=NUMBERS, count=st.integers(1, 2))
    def produce(self, number, count):
        self.stage.produce(self.stage.partitions[number % len(self.stage.partitions)], count)

    @rule()
    def jump(self):
        self.stage.jump()

    @precondition(lambda self: len(self.stage.processes) < 3)
    @rule()
    def join_another(self):
        self.stage.begin().join(self.stage.partitions)

    @precondition(lambda self: self.stage.processes)
    @rule(number=NUMBERS, partition=NUMBERS)
    def join_again(self, number, partition):
        process = self.stage.processes[number % len(self.stage.processes)]
        process.join([self.stage.partitions[partition % len(self.stage.partitions)]])

    @precondition(lambda self: self.stage.processes)
    @rule(number=NUMBERS)
    def leave(self, number):
        self.stage.processes[number % len(self.stage.processes)].leave()

    @precondition(lambda self: self.stage.processes)
    @rule(number=NUMBERS, lands=st.booleans())
    def kill(self, number, lands):
        self.stage.kill(self.stage.processes[number % len(self.stage.processes)], lambda: lands)

    @precondition(lambda self: self.stage.late)
    @rule(number=NUMBERS)
    def land(self, number):
        self.stage.land(number % len(self.stage.late))

    @rule(wanted=st.sampled_from([False, False, False, True]))
    def reset_group(self, wanted):
        if wanted:
            self.stage.reset_group()

    @rule(count=st.integers(1, 5), answered=st.integers(0, 12))
    def fetch_and_flush(self, count, answered):
        """The most common stretch of a story, broken off at any of its calls."""
        self.fetch(count)
        self.stage.jump()
        self.answer_some(answered)

    def teardown(self):
        """Everything comes to its end, and holds what the log says."""
        if self.stage is None:
            return
        try:
            drain(self.stage)
            while self.stage.late:
                self.stage.land(0)
            self.stage.read_days()
            assert differences(self.stage) == []
        finally:
            self.stage.close()
            logging.getLogger("tokentide").setLevel(logging.NOTSET)


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=settings.default.max_examples * 2, stateful_step_count=40)
