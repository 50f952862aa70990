"""What does a supervisor have to know about a part of the system, whatever it is?

    part = Part("web", start=lambda: folder.spawn("web", [...]), is_ready=lambda: answers(port))
    with running([part]) as children:
        print(children["web"].pid)

`running` is for scripts and tests; `up` gives its parts to a Supervisor.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokentide.embedded.processes import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tokentide.embedded.processes import Child

__all__ = ["Part", "running"]


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the system.

    Attributes:
        name: Unique among the parts that run together.
        start: Starts the process and returns at once. Called from the main thread, again after each death.
        is_ready: Whether it answers. May block for a second; may be called from any thread.
        ready_deadline_seconds: A process that has not answered by then is a failed start.
        stop_deadline_seconds: How long it may take to end after SIGTERM, before SIGKILL.
    """

    name: str
    start: Callable[[], Child]
    is_ready: Callable[[], bool]
    ready_deadline_seconds: float = 60.0
    stop_deadline_seconds: float = 10.0


@contextmanager
def running(parts: Sequence[Part]) -> Iterator[dict[str, Child]]:
    """Runs parts while the block lasts: all started, then all awaited, at the end all stopped, each together.

    The caller may kill a child and put `part.start()` in its place in the mapping.

    Raises:
        DependencyUnavailable: A part ended or did not answer in time.
    """
    children: dict[str, Child] = {}
    try:
        for part in parts:
            children[part.name] = part.start()
        for part in parts:
            wait_until_ready(children[part.name], part.is_ready, part.ready_deadline_seconds)
        yield children
    finally:
        for child in children.values():
            child.ask_to_stop()
        for part in parts:
            if part.name in children:
                children[part.name].wait(part.stop_deadline_seconds)
