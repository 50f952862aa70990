"""Which kinds of findings are there? The closed list; docs/doctor.md shows it as a table."""

from __future__ import annotations

from collections.abc import Mapping

from tokentide.doctor.finding import Finding, Kind
from tokentide.doctor.kinds.of_kafka import GROUP, TOPICS
from tokentide.doctor.kinds.of_processes import CLOCKS, PROCESSES
from tokentide.doctor.kinds.of_settings import SETTINGS
from tokentide.doctor.kinds.of_store import ACCESS, STORE

__all__ = ["KINDS", "found"]

KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (*SETTINGS, *TOPICS, *GROUP, *STORE, *ACCESS, *CLOCKS, *PROCESSES)
}
"""Every kind of finding by its name."""


def found(kind: str, where: str, what: str, command: str = "") -> Finding:
    """A finding of the kind of that name."""
    return Finding(KINDS[kind], where, what, command)
