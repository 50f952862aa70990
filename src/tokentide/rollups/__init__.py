"""The fold: from events to the rows of the rollup tables. Pure: no clock, no I/O, no logging."""

from tokentide.rollups.counts import Counts, FoldSettings
from tokentide.rollups.fold import PartitionState
from tokentide.rollups.names import OTHER, Key, Place
from tokentide.rollups.snapshot import EventRows, Position, RowState, Snapshot, hash_of, month_of
from tokentide.rollups.tables import LATENCY, TABLES, USAGE, Table

__all__ = [
    "LATENCY",
    "OTHER",
    "TABLES",
    "USAGE",
    "Counts",
    "EventRows",
    "FoldSettings",
    "Key",
    "PartitionState",
    "Place",
    "Position",
    "RowState",
    "Snapshot",
    "Table",
    "hash_of",
    "month_of",
]
