"""The event contract: what an event is, how records of them are read, and why one is refused."""

from tokentide.events.decode import Decoded, Limits, Reason, Refusal, decode
from tokentide.events.fast import DecodedEvent
from tokentide.events.model import Event
from tokentide.events.stretch import RawRecord, RefusedAt, Stretch, read_stretch

__all__ = [
    "Decoded",
    "DecodedEvent",
    "Event",
    "Limits",
    "RawRecord",
    "Reason",
    "Refusal",
    "RefusedAt",
    "Stretch",
    "decode",
    "read_stretch",
]
