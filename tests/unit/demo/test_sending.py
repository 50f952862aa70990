"""What the demonstration remembers of what it sends."""

from __future__ import annotations

from tokentide.demo.faults import Faults, with_faults
from tokentide.demo.sending import send
from tokentide.demo.traffic import generate

END_MS = 1_776_679_293_123


class Outbox:
    """A sender that keeps what it is given."""

    def __init__(self):
        self.batches = []
        self.finished = False

    async def send(self, batch):
        """Keep the batch."""
        self.batches.append(batch)

    async def finish(self):
        """Note that everything was handed over."""
        self.finished = True


async def test_every_line_is_sent_and_only_valid_events_are_counted():
    """Repeats and bad lines are sent, too, but counted apart; what was sent is told on the way."""
    lines = list(with_faults(generate(1, 3000, END_MS, ["a", "b"]), Faults(0.05, 0.05, 0.05), 1, END_MS))
    outbox, told = Outbox(), []
    sent = await send(outbox, iter(lines), lambda sent: told.append(sent.tally.events))
    assert outbox.finished
    assert sorted(line for batch in outbox.batches for line in batch.value.split(b"\n")) == sorted(
        line.body for line in lines
    )
    assert sent.tally.events == 3000
    assert sent.repeats == sum(line.repeat for line in lines)
    assert sent.bad == sum(line.event is None for line in lines)
    assert told == sorted(told)
    assert told[-1] == 3000
    assert len(told) > 2
