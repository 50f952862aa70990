"""How calls are repeated while something is away."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.fakes import in_virtual_time
from tokentide.errors import DependencyUnavailable, StoreRejected, StoreUnavailable
from tokentide.worker.patience import backoff_seconds, until_answered


def failing(*errors):
    """A call that fails so often, and then answers."""
    left = list(errors)

    async def call():
        if left:
            raise left.pop(0)
        return "answer"

    return call


def always():
    return True


def test_pauses_double_up_to_a_bound():
    """A short absence costs little, and a long one makes no storm."""
    assert [backoff_seconds(attempt) for attempt in range(9)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert backoff_seconds(10**6) == 10.0


@in_virtual_time
async def test_a_call_that_answers_is_made_once():
    """Without a pause, and whether it is wanted or not."""
    assert await until_answered(failing(), "a call", lambda: False) == "answer"
    assert asyncio.get_running_loop().time() == 0


@in_virtual_time
async def test_a_call_is_repeated_until_it_answers(caplog):
    """Each failure is told, to the log and to who wants to know."""
    errors, told = [StoreUnavailable("away"), DependencyUnavailable("gone")], []
    with caplog.at_level(logging.WARNING):
        assert await until_answered(failing(*errors), "a call", always, told.append) == "answer"
    assert asyncio.get_running_loop().time() == pytest.approx(0.3)
    assert told == errors
    assert caplog.messages == ["a call failed, again in 0.1 s: away", "a call failed, again in 0.2 s: gone"]


@in_virtual_time
async def test_a_call_that_nobody_wants_any_more_is_given_up():
    """It is asked after the pause, when the answer is new."""
    wanted = iter([True, True, False])
    assert await until_answered(failing(*[StoreUnavailable("away")] * 9), "a call", lambda: next(wanted)) is None


@pytest.mark.parametrize("error", [StoreRejected("no"), ValueError("a bug")])
@in_virtual_time
async def test_other_errors_are_not_repeated(error):
    """Repeating them changes nothing."""
    with pytest.raises(type(error)):
        await until_answered(failing(error), "a call", always)
