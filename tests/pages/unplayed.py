"""Which shown commands are not run with their page, and why? The closed list; every other one is run.

What stands here is still held to what can be said without running it: its options, make targets, modules and files
exist (`tests/unit/test_documentation.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["UNPLAYED", "reason_not_to_play"]

_NEEDS_DOCKER = "needs a Docker engine"
_NEEDS_KUBERNETES = "needs a cluster"
_ITSELF = "runs this test itself"

UNPLAYED: Mapping[str, str] = {
    ".venv/bin/tokentide up": "the pages are played against a running one",
    "make demo": "tests/e2e/test_demo.py runs it",
    "make test": _ITSELF,
    "make bench": "takes ten minutes",
    ".venv/bin/pytest tests/pages": _ITSELF,
    ".venv/bin/python -m tests.alerts": "takes minutes",
    ".venv/bin/python -m tests.benchmarks": "takes minutes",
    ".venv/bin/python -m tests.simulation --seeds": "takes all cores for minutes",
    "UPDATE_GOLDEN=1": "writes into the work tree",
    "docker compose": _NEEDS_DOCKER,
    "clickhouse-client": "another product's client, asking another product's database",
    "CREATE USER": "the embedded engine has no users",
    "helm": _NEEDS_KUBERNETES,
    "kubectl": _NEEDS_KUBERNETES,
}
"""How a command, or a block of SQL, begins, and the reason not to run it."""


def reason_not_to_play(command: str) -> str | None:
    """Why the command is not run; None when it is."""
    reasons = [reason for beginning, reason in UNPLAYED.items() if command.startswith(beginning)]
    return reasons[0] if reasons else None
