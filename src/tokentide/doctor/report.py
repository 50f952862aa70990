"""What did the doctor find, and what does that mean for the exit code?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tokentide.doctor.finding import Finding

__all__ = ["Check", "Report"]

State = Literal["ok", "found", "not run"]


@dataclass(frozen=True, slots=True)
class Check:
    """How a check went: whether it found something, how long it took, and why it was not run (empty when it was)."""

    name: str
    state: State
    seconds: float
    why: str = ""


@dataclass(slots=True)
class Report:
    """Everything that was found, in the order of its gravity, and what was looked at."""

    findings: list[Finding] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, check: Check, findings: list[Finding]) -> None:
        """Take in what a check found; the same thing found twice counts once."""
        self.checks.append(check)
        self.findings += [finding for finding in findings if finding not in self.findings]
        self.findings.sort(key=lambda finding: -finding.kind.exit_code)

    @property
    def exit_code(self) -> int:
        """That of the gravest finding; 0 when there is none, or only advice."""
        return max((finding.kind.exit_code for finding in self.findings), default=0)

    def as_object(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "findings": [
                {
                    "kind": finding.kind.name,
                    "severity": finding.kind.severity,
                    "where": finding.where,
                    "what": finding.what,
                    "meaning": finding.kind.meaning,
                    "do": finding.kind.remedy,
                    "command": finding.command,
                }
                for finding in self.findings
            ],
            "checks": [
                {"name": check.name, "state": check.state, "seconds": round(check.seconds, 3), "why": check.why}
                for check in self.checks
            ],
            "notes": self.notes,
            "exit_code": self.exit_code,
        }

    def summary(self) -> str:
        """One sentence for people."""
        problems = sum(finding.kind.severity == "problem" for finding in self.findings)
        advice = len(self.findings) - problems
        run = [check for check in self.checks if check.state != "not run"]
        looked = f"{len(run)} of {len(self.checks)} checks run"
        if not self.findings:
            return f"Nothing found; {looked}."
        return f"{_count(problems, 'problem')}, {_count(advice, 'piece')} of advice; {looked}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
