"""How far do the stored rows reach, and since when does a project have any?"""

from __future__ import annotations

from collections.abc import Sequence

from tokentide.store.port import Query

__all__ = ["data_through", "first_bucket"]


def data_through(topic: str) -> Query:
    """Ask up to which log time, in milliseconds, every partition is stored; no row before anything was.

    Partitions that only an earlier life of the topic had do not count.
    """
    return Query(
        "data_through",
        "SELECT min(through_ms)\n"
        "FROM progress FINAL\n"
        "WHERE topic = {topic:String}\n"
        "GROUP BY epoch\n"
        "ORDER BY epoch DESC\n"
        "LIMIT 1",
        {"topic": topic},
    )


def first_bucket(projects: Sequence[str]) -> Query:
    """Ask for the first hour, in seconds since the epoch, in which a project had a call; no row when there was none."""
    return Query(
        "first_bucket",
        "SELECT toInt64(toUnixTimestamp(min(bucket)))\n"
        "FROM usage_1h\n"
        "WHERE project_id IN {projects:Array(String)}\n"
        "HAVING count() > 0",
        {"projects": list(projects)},
    )
