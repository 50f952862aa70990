"""Which key a record gets: the project's, or for a large project one of several, so that it spreads over partitions.

An identity must always come back to the same partition, or its repeats would not be seen: so the shard is chosen by
the event_id, and a record of a sharded project holds events of one shard only.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID
from zlib import crc32

from tokentide.errors import SettingsError

__all__ = ["parse_shards", "record_key"]


def parse_shards(text: str) -> dict[str, int]:
    """Projects with their number of shards, from `PROJECT=N[,PROJECT=N…]`.

    Raises:
        SettingsError: with every entry that is none.
    """
    shards: dict[str, int] = {}
    problems = []
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        project, _, number = entry.rpartition("=")
        if project and number.isascii() and number.isdigit() and int(number) > 0:
            shards[project] = int(number)
        else:
            problems.append(f"TOKENTIDE_PROJECT_SHARDS: {entry!r} must be PROJECT=N with N of 1 or more")
    if problems:
        raise SettingsError(problems)
    return shards


def record_key(project_id: str, event_id: UUID, shards: Mapping[str, int]) -> bytes:
    """The Kafka key of the record that takes the event."""
    count = shards.get(project_id, 1)
    if count == 1:
        return project_id.encode()
    return f"{project_id}#{crc32(event_id.bytes) % count}".encode()
