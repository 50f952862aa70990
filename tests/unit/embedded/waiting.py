"""Waiting for a condition, with a deadline."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["eventually", "is_alive"]


def eventually(condition: Callable[[], object], deadline_seconds: float = 10.0) -> None:
    """Returns as soon as the condition holds; fails when it does not in time."""
    end = time.monotonic() + deadline_seconds
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_seconds} s"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process, of any parent, is there and not a zombie."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123  a pseudo file
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
