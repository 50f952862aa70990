"""How many events has each organisation in a month, and up to where is each partition in that?"""

from __future__ import annotations

from tokentide.store.port import Query

__all__ = ["month_usage", "positions"]


def month_usage(start_ms: int, end_ms: int) -> Query:
    """Ask for (organisation, events) of the month [start_ms, end_ms), from the rollups; without events, no row."""
    return Query(
        "month_usage",
        "SELECT org_id, sum(requests)\n"
        "FROM (\n"
        "SELECT project_id, requests FROM usage_1h FINAL\n"
        "WHERE bucket >= toDateTime({from:UInt32}, 'UTC') AND bucket < toDateTime({to:UInt32}, 'UTC')\n"
        ") AS usage\n"
        "INNER JOIN (SELECT project_id, org_id FROM projects FINAL) AS owners USING (project_id)\n"
        "GROUP BY org_id\n"
        "ORDER BY org_id",
        {"from": start_ms // 1000, "to": end_ms // 1000},
    )


def positions(topic: str) -> Query:
    """Ask for (partition, next offset to store) of the topic's present life."""
    return Query(
        "positions",
        "SELECT partition, position\n"
        "FROM progress FINAL\n"
        "WHERE topic = {topic:String} AND epoch = (SELECT max(epoch) FROM progress WHERE topic = {topic:String})\n"
        "ORDER BY partition",
        {"topic": topic},
    )
