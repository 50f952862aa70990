"""What `tokentide ingest` says in the end, for people and for machines."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from tokentide.ingest.lines import Refused
from tokentide.plural import counted

__all__ = ["Report"]

_LISTED = 1000
_SHOWN = 20


@dataclass(slots=True)
class Report:
    """What became of the lines.

    Attributes:
        events: acknowledged by Kafka.
        records: in so many records.
        bytes: of so many bytes together.
        reasons: refused lines by reason.
        refusals: the first thousand refused lines, with their file.
    """

    events: int = 0
    records: int = 0
    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[str, Refused]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 when lines were refused and none was accepted, else 0: some bad lines do not make an import a failure."""
        return 1 if self.reasons and not self.events else 0

    def add_refused(self, file: str, refused: list[Refused]) -> None:
        """Count refused lines of a file."""
        self.reasons.update(str(each.reason) for each in refused)
        self.refusals += [(file, each) for each in refused[: _LISTED - len(self.refusals)]]

    def as_json(self) -> str:
        """One JSON object."""
        listed = [{"file": file, **each._asdict()} for file, each in self.refusals]
        whole = {"events": self.events, "records": self.records, "bytes": self.bytes, "refused": self.reasons.total()}
        return json.dumps(whole | {"reasons": dict(sorted(self.reasons.items())), "refusals": listed})

    def as_text(self) -> str:
        """A few lines."""
        sent = f"sent {counted(self.events, 'event')} in {counted(self.records, 'record')}"
        lines = [f"{sent}, {counted(self.bytes, 'byte')}, all acknowledged"]
        if self.reasons:
            by_reason = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.most_common())
            lines.append(f"refused {counted(self.reasons.total(), 'line')}, not sent: {by_reason}")
        lines += [f"  {file}:{each.line}  {each.reason}  {each.detail}" for file, each in self.refusals[:_SHOWN]]
        if self.reasons.total() > _SHOWN:
            lines.append(f"  and {self.reasons.total() - _SHOWN:,} more; --json lists up to {_LISTED:,}")
        return "\n".join(lines)
