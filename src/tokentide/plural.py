"""How many of what? For sentences that people read."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """`1 letter`, `2 letters`, `1,200 letters`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
