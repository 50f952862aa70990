"""Which fields do the events of a stream really have? A decoder of just those reads them faster than one of all.

The contract has some ninety fields, of which a producer fills twenty. An event that has a place for each costs more to
make and to drop than to parse, and pushes what comes next out of the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

__all__ = ["Readers", "Shape"]

_MOST_LESSONS = 100
_split_lines = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode_lines
_split_array = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


class Readers(NamedTuple):
    """Two decoders to one kind of event: of NDJSON, and of an array."""

    lines: Callable[[bytes], list[Any]]
    array: Callable[[bytes], list[Any]]


class Shape:
    """Reads events with the fields that were seen so far, and learns from every text that has others.

    A decoder of some fields forbids all others. So what it accepts the contract accepts, with equal values: each field
    is the contract's own, and those that are absent have their defaults, as attributes of the class. What it refuses is
    read by the contract's decoder, which has the last word. Texts with fields that the contract does not have teach
    nothing; after too many of them all is read by the contract alone.

    Args:
        contract: the Struct of all fields.
        computed: fields that whoever reads an event sets.
        together: fields that whoever reads an event sets when another is there, by that other's name.
    """

    def __init__(self, contract: type[msgspec.Struct], computed: Iterable[str], together: Mapping[str, str]) -> None:
        self._fields = {field.name: field for field in msgspec.structs.fields(contract)}
        self._whole = _readers(contract)
        self._own = self._whole
        self._kept = [*(name for name, field in self._fields.items() if field.required), *computed]
        self._together = together
        self._seen: list[str] = []
        self._lessons_left = _MOST_LESSONS

    def lines(self, text: bytes) -> list[Any]:
        """The events of an NDJSON text in UTF-8.

        Raises:
            msgspec.DecodeError: the contract does not accept one of them.
        """
        if self._seen or not self._lessons_left:
            try:
                return self._own.lines(text)
            except msgspec.ValidationError:
                pass
        events = self._whole.lines(text)
        self._learn(_split_lines, text)
        return events

    def array(self, text: bytes) -> list[Any]:
        """The events of a JSON array in UTF-8.

        Raises:
            msgspec.DecodeError: the contract does not accept one of them.
        """
        if self._seen or not self._lessons_left:
            try:
                return self._own.array(text)
            except msgspec.ValidationError:
                pass
        events = self._whole.array(text)
        self._learn(_split_array, text)
        return events

    def _learn(self, split: Callable[[bytes], list[dict[str, Any]]], text: bytes) -> None:
        """Make a decoder that knows the fields of this text too, in the order in which they come."""
        if not self._lessons_left:
            return
        self._lessons_left -= 1
        found = dict.fromkeys(name for event in split(text) for name in event)
        new = [name for name in found if name in self._fields and name not in self._seen]
        if not self._lessons_left:
            self._own = self._whole
        elif new:
            self._seen += new
            partners = [self._together[name] for name in self._seen if name in self._together]
            self._own = _readers(self._struct(list(dict.fromkeys([*self._seen, *self._kept, *partners]))))

    def _struct(self, names: list[str]) -> type[msgspec.Struct]:
        fields = [(name, self._fields[name].type, _default(self._fields[name])) for name in names]
        absent = {
            name: field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
            for name, field in self._fields.items()
            if name not in names
        }
        return msgspec.defstruct(
            "Event",
            fields,
            namespace=absent,
            kw_only=True,
            gc=False,
            omit_defaults=True,
            forbid_unknown_fields=True,
        )


def _readers(event: type[msgspec.Struct]) -> Readers:
    return Readers(msgspec.json.Decoder(event).decode_lines, msgspec.json.Decoder(list[event]).decode)  # type: ignore[valid-type]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=field.default_factory)
    return msgspec.field() if field.required else msgspec.field(default=field.default)
