"""Can those who should come in do so, and still tomorrow?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tokentide.doctor.finding import Finding
from tokentide.doctor.kinds import found

__all__ = ["Key", "judge_access"]

_SOON_MS = 14 * 86_400_000


@dataclass(frozen=True, slots=True)
class Key:
    """An access key that was not revoked: its id, what it is for, and until when (milliseconds; None for ever)."""

    id: str
    role: str
    org: str
    projects: frozenset[str]
    expires_ms: int | None

    def does_what(self, other: Key) -> bool:
        """Whether it opens all that the other one opens."""
        wide = self.role == "read" and not self.projects
        return (self.role, self.org) == (other.role, other.org) and (
            wide or (bool(other.projects) and self.projects >= other.projects)
        )

    def lasts(self, until_ms: int) -> bool:
        """Whether it is good at that time."""
        return self.expires_ms is None or self.expires_ms > until_ms


def judge_access(keys: Sequence[Key], projects: Mapping[str, Sequence[str]], now_ms: int) -> list[Finding]:
    """Keys that end, or ended, without another one that does the same, and organisations that cannot read.

    Args:
        keys: all that were not revoked.
        projects: of each organisation.
        now_ms: the present.
    """
    judged = []
    for key in keys:
        kind = _ends(key, keys, now_ms)
        if kind:
            what = f"the {key.role} key of {key.org} ({_seen(key.projects)}): {_day(key.expires_ms)}"
            judged.append(found(kind, f"key {key.id}", what, _create(key.role, key.org, key.projects)))
    readers = {key.org for key in keys if key.role == "read" and key.lasts(now_ms)}
    for org in sorted(projects.keys() - readers):
        what = f"{len(projects[org])} projects, and no read key"
        judged.append(found("org_without_read_key", f"organisation {org}", what, _create("read", org, ())))
    return judged


def _ends(key: Key, keys: Iterable[Key], now_ms: int) -> str | None:
    soon = now_ms + _SOON_MS
    if key.lasts(soon) or any(other.lasts(soon) and other.does_what(key) for other in keys):
        return None
    return "key_expires_soon" if key.lasts(now_ms) else "key_expired"


def _create(role: str, org: str, projects: Iterable[str]) -> str:
    return f"tokentide keys create --role {role} --org {org}" + "".join(f" --project {p}" for p in sorted(projects))


def _seen(projects: Iterable[str]) -> str:
    return ", ".join(sorted(projects)) or "all projects"


def _day(time_ms: int | None) -> str:
    return "" if time_ms is None else f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
