"""How the demonstration sends its week, and what it remembers of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from tokentide.demo.faults import Line
from tokentide.demo.tally import Tally
from tokentide.ingest.lines import Accepted
from tokentide.ingest.records import batches
from tokentide.ingest.sending import Sender

__all__ = ["Sent", "send"]

_LINES_AT_ONCE = 1000
_RECORD_BYTES = 1 << 20


@dataclass(slots=True)
class Sent:
    """What was sent.

    Attributes:
        tally: the valid events, counted once each.
        repeats: how many were sent once more.
        bad: how many lines that break the contract came beside them.
    """

    tally: Tally = field(default_factory=Tally)
    repeats: int = 0
    bad: int = 0

    def note(self, line: Line) -> None:
        """Remember one line."""
        if line.event is None:
            self.bad += 1
        elif line.repeat:
            self.repeats += 1
        else:
            self.tally.add(line.event)


async def send(sender: Sender, lines: Iterator[Line], on_sent: Callable[[Sent], None]) -> Sent:
    """Send all lines as NDJSON records; returns when each is acknowledged.

    Args:
        sender: into which topic.
        lines: what to send.
        on_sent: told now and then what was sent until now.
    """
    sent = Sent()
    while chunk := list(islice(lines, _LINES_AT_ONCE)):
        for line in chunk:
            sent.note(line)
        for batch in batches((Accepted(line.project_id.encode(), line.body) for line in chunk), _RECORD_BYTES):
            await sender.send(batch)
        on_sent(sent)
    await sender.finish()
    return sent
