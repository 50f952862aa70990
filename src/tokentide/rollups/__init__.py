"""The fold: from events to the rows of the rollup tables. Pure: no clock, no I/O, no logging."""

from tokentide.rollups.counts import Counts, FoldSettings
from tokentide.rollups.fold import PartitionState
from tokentide.rollups.snapshot import EventRows, Position, RowState, Snapshot, hash_of, month_of
from tokentide.rollups.tables import LATENCY, TABLES, USAGE, Table
from tokentide.rollups.targets import Key

__all__ = [
    "LATENCY",
    "TABLES",
    "USAGE",
    "Counts",
    "EventRows",
    "FoldSettings",
    "Key",
    "PartitionState",
    "Position",
    "RowState",
    "Snapshot",
    "Table",
    "hash_of",
    "month_of",
]
