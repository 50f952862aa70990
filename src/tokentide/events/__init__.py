"""The event contract: what an event is, how a record of them is read, and why one is refused."""

from tokentide.events.decode import Decoded, Limits, Reason, Refusal, decode
from tokentide.events.fast import DecodedEvent
from tokentide.events.model import Event
from tokentide.events.slices import decode_slice

__all__ = ["Decoded", "DecodedEvent", "Event", "Limits", "Reason", "Refusal", "decode", "decode_slice"]
