"""Where in a body does a value stand, and is it what belongs there? A value that is not is refused by its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from tokentide.api.json_body import shortened
from tokentide.errors import QueryError

__all__ = ["MOST_LISTED", "MOST_VALUES", "MOST_VALUE_BYTES", "Place"]

MOST_LISTED = 100
"""Most aggregations, groups or filters of one query."""

MOST_VALUES = 1000
"""Most values of one filter."""

MOST_VALUE_BYTES = 1 << 16
"""Most bytes of the texts of one filter; ClickHouse takes twice as many in a parameter, escaped."""

_LONGEST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a body, and how it is called: `endTs`, `filters[0].operator`."""

    name: str
    value: Any

    def refuse(self, problem: str) -> NoReturn:
        """Say what is wrong.

        Raises:
            QueryError: always, naming the place.
        """
        raise QueryError(f"{self.name} {problem}", self.name)

    def text(self) -> str:
        """The value, which is a text."""
        if not isinstance(self.value, str):
            self.refuse("must be a string")
        if len(self.value) > _LONGEST_TEXT:
            self.refuse(f"must not be longer than {_LONGEST_TEXT:,} characters")
        return self.value

    def number(self) -> float:
        """The value, which is a number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.refuse("must be a number")
        return float(self.value)

    def flag(self) -> bool:
        """The value, which is true or false."""
        if not isinstance(self.value, bool):
            self.refuse("must be true or false")
        return self.value

    def one_of(self, names: Iterable[str], what: str) -> str:
        """The value, which is one of some names."""
        known = list(names)
        if self.value not in known:
            found = f"is {shortened(self.value)}, and" if isinstance(self.value, str) else "is no string, and"
            self.refuse(f"{found} no {what}: choose one of {', '.join(known)}")
        return str(self.value)

    def entries(self, most: int = MOST_LISTED, *, least: int = 0) -> Iterator[Place]:
        """The entries of the value, which is a list."""
        if not isinstance(self.value, list):
            self.refuse("must be a list")
        if not least <= len(self.value) <= most:
            self.refuse(f"must have {least} to {most:,} entries, and has {len(self.value):,}")
        return (Place(f"{self.name}[{number}]", value) for number, value in enumerate(self.value))

    def fields(self, required: Iterable[str], optional: Iterable[str] = (), *, closed: bool) -> dict[str, Place]:
        """The fields of the value, which is an object; those that it has, by their names.

        Args:
            required: what it must have.
            optional: what it may have.
            closed: whether anything else is refused, and not ignored.
        """
        if not isinstance(self.value, dict):
            self.refuse("must be an object")
        required, known = list(required), [*required, *optional]
        for name in required:
            if name not in self.value:
                self._inside(name).refuse("is required")
        for name, value in self.value.items():
            if name not in known and closed:
                self._inside(shortened(name)).refuse(f"is not known; {self.name} has {', '.join(known)}")
            if name in known and value is None:
                self._inside(name).refuse("must not be null; leave it out")
        return {name: self._inside(name) for name in known if name in self.value}

    def _inside(self, name: str) -> Place:
        value = self.value.get(name)
        return Place(f"{self.name}.{name}" if self.name else name, value)
