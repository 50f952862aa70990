"""How does everything come to its end: one worker stores the whole log, while the others go on as zombies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.stage import Stage
from tests.simulation.wire import Call

__all__ = ["drain"]

_MOST_STEPS = 3000


def drain(stage: Stage, pick: Callable[[Sequence[Call]], Call] = lambda calls: calls[0]) -> None:
    """Let everything appear in the log, and a last worker store it. Nothing goes wrong any more.

    Args:
        stage: the world.
        pick: which of the calls is answered next.

    Raises:
        AssertionError: the worker does not come to the end of the log, or leaves a day open that is over.
    """
    stage.calm = True
    for partition in stage.partitions:
        stage.produce(partition, stage.unwritten(partition))
    last = stage.begin()
    last.join(stage.partitions)
    for _ in range(_MOST_STEPS):
        if stage.calls:
            stage.answer(pick(stage.calls))
            continue
        stored = all(stage.tables.position(number) == stage.topic.end(number) for number in stage.partitions)
        if stored and not any(stage.open_days()):
            return
        for partition in list(last.fetched):
            last.fetch(partition, 3)
        if not stage.calls:
            stage.jump()
    raise AssertionError(f"{last.name} does not come to the end of the log and its days")
