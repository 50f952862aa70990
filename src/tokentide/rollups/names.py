"""Which names does an hour of a project get rows for? The first so many; what comes after them shares `__other__`.

So a project that invents a model for every call takes no more memory and no more rows than another. A name here is a
combination of provider, model, agent and task as `usage_1h` has it, or a group of errors as `errors_1h` has it. Those
that were admitted are the keys of the hour's rows: a set that only grows, and that is all of what a decision depends
on. Whoever folds the log from an offset may know more of it than the log had shown by then, for rows of a later flush
are read back as well. That changes no decision, whatever part of those rows it is:

- A name that was admitted is in the set that is known, or finds room in it: what the set holds besides are names that
  get rows too, and all of them together are no more than may be.
- A name that came too late met a full set. The set that is known holds all of that one, so it is full, too.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import NamedTuple, cast

from tokentide.events import DecodedEvent
from tokentide.rollups.counts import Counts
from tokentide.rollups.meaning import error_code
from tokentide.rollups.tables import ERRORS, USAGE, Table

__all__ = ["OTHER", "Key", "NameCap", "Names", "Place", "own_names", "place_of"]

OTHER = "__other__"
"""What the rows are called that count everything without a row of its own."""

Key = tuple[str | int, ...]
Place = tuple[str, int]
"""A project and the start of a bucket: what all rows of one interval have in common, and a key begins with."""


class Names(NamedTuple):
    """What a call is counted under; agent and task are empty when it has none."""

    provider: str
    model: str
    agent_id: str
    task_type: str

    @property
    def are_shared(self) -> bool:
        """Whether this is a row for what has none of its own."""
        return self[1:] == _SHARED


_SHARED = (OTHER, OTHER, OTHER)


def own_names(event: DecodedEvent) -> Names:
    """The names that a call has by itself."""
    return Names(cast("str", event.provider), cast("str", event.model), event.agent_id or "", event.task_type or "")


def place_of(key: Key) -> Place:
    """Where the row of a key lies."""
    return cast("Place", key[:2])


class NameCap:
    """Decides what each event is counted under.

    Args:
        most: so many names, and so many groups of errors, get rows of their own in an hour of a project.
        usage: the rows of `usage_1h` that are in memory; of an hour all of them, or none.
        errors: those of `errors_1h`, likewise.
    """

    def __init__(self, most: int, usage: Container[Key], errors: Container[Key]) -> None:
        self._most = most
        self._usage = usage
        self._errors = errors
        self._providers: dict[Place, set[str]] = {}
        self._names: dict[Place, int] = {}
        self._codes: dict[Place, int] = {}

    def enter(self, table: Table, key: Key) -> None:
        """Count a row that is new in memory."""
        place = place_of(key)
        if table is USAGE and key[3:] != _SHARED:
            self._names[place] = self._names.get(place, 0) + 1
            self._providers.setdefault(place, set()).add(str(key[2]))
        elif table is ERRORS and key[2] != OTHER:
            self._codes[place] = self._codes.get(place, 0) + 1

    def keep(self, table: Table, is_kept: Callable[[Place], bool]) -> None:
        """Forget the other hours of a table; none of their rows may be in memory."""
        if table is USAGE:
            self._names = {place: count for place, count in self._names.items() if is_kept(place)}
            self._providers = {place: those for place, those in self._providers.items() if is_kept(place)}
        elif table is ERRORS:
            self._codes = {place: count for place, count in self._codes.items() if is_kept(place)}

    def names_of(self, event: DecodedEvent, counts: Counts) -> Names:
        """What a call is counted under; its row must have entered before the next is asked for.

        The provider stays, where the hour has rows of it: its health is then as exact as ever. A call that is named
        like a shared row is counted without its provider, since whether the hour knows that may change.
        """
        own, place = own_names(event), _hour_of(event)
        if not own.are_shared:
            if self._names.get(place, 0) < self._most or (*place, *own) in self._usage:
                return own
            provider = own.provider if own.provider in self._providers[place] else OTHER
        else:
            provider = OTHER
        counts.other_names += 1
        counts.full_hours.add(place)
        return Names(provider, *_SHARED)

    def code_of(self, event: DecodedEvent, names: Names, counts: Counts) -> str | None:
        """The group that an error is counted in, likewise; None when it is none."""
        own, place = error_code(event), _hour_of(event)
        if own is None or own == OTHER or self._codes.get(place, 0) < self._most:
            return own
        if (*place, own, names.provider, names.model) in self._errors:
            return own
        counts.other_codes += 1
        counts.full_hours.add(place)
        return OTHER


def _hour_of(event: DecodedEvent) -> Place:
    second = event.event_time_ms // 1000
    return event.project_id, second - second % 3600
