"""What does the doctor say of one thing that is not as it should be?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Kind", "Weight"]

Weight = Literal["advice", "problem", "settings", "unreachable"]

_EXIT_CODES: dict[Weight, int] = {"advice": 0, "problem": 1, "settings": 2, "unreachable": 3}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding.

    Attributes:
        name: by which scripts know it.
        meaning: what is wrong, and what comes of it.
        remedy: what to do.
        weight: a problem breaks a promise now or soon, of the settings when no process would start with them, of what
            cannot be reached when nothing can be said about it; advice can wait.
    """

    name: str
    meaning: str
    remedy: str
    weight: Weight = "problem"

    @property
    def severity(self) -> Literal["advice", "problem"]:
        """Whether it can wait."""
        return "advice" if self.weight == "advice" else "problem"

    @property
    def exit_code(self) -> int:
        """What `tokentide doctor` ends with when it is the gravest that was found."""
        return _EXIT_CODES[self.weight]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: which kind of thing.
        where: the setting, topic, partition, table, key or address.
        what: what is the case there, with figures.
        command: a command that puts it right or shows more; empty when there is none.
    """

    kind: Kind
    where: str
    what: str
    command: str = ""
