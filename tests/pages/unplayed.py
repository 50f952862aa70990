"""Which shown commands are run with their page, and which are not, and why?

Only what changes nothing but the running `up` and the folder of its page may be run. So a command that stands in
neither list is not run, and a test asks for its place.

What stands here is still held to what can be said without running it: its options, make targets, modules and files
exist (`tests/unit/test_documentation.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["UNPLAYED", "may_be_played", "reason_not_to_play"]

_PLAYED = re.compile(
    r"""(?:\w+="?[\w.$()+% -]*"?\s*)*  # variables, for it or for what comes after it
    (?:$
    | (?:\.venv/bin/)?tokentide\s | curl\s | cat\ >\s | export\s | promtool\s
    | make\ setup$ | \.venv/bin/pytest\ tests/unit/ | \.venv/bin/python\ -m\ tests\.simulation\ \d+$
    )""",
    re.VERBOSE,
)

_NEEDS_DOCKER = "needs a Docker engine"
_NEEDS_KUBERNETES = "needs a cluster"
_OTHER_CLIENT = "needs ClickHouse's own client, and a server with users"
_OUTSIDE = "installs outside of the project"
_STAYS = "has no end; `up` runs it for all pages"
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
    "docker": _NEEDS_DOCKER,
    "BOOTSTRAP=": "needs Kafka's own tools, and a Kafka with users",
    "envsubst": _OTHER_CLIENT,
    "python3 -m venv /opt": _OUTSIDE,
    "/opt/tokentide/bin/pip": _OUTSIDE,
    "tokentide worker": _STAYS,
    "tokentide api": _STAYS,
    "clickhouse-client": _OTHER_CLIENT,
    "CREATE USER": "the embedded engine has no users",
    "helm": _NEEDS_KUBERNETES,
    "kubectl": _NEEDS_KUBERNETES,
}
"""How a command, or a block of SQL, begins, and the reason not to run it."""


def may_be_played(command: str) -> bool:
    """Whether the command is known to do no harm to the machine that it is run on."""
    return _PLAYED.match(command) is not None


def reason_not_to_play(command: str) -> str | None:
    """Why the command is not run; None when it is."""
    reasons = [reason for beginning, reason in UNPLAYED.items() if command.startswith(beginning)]
    return reasons[0] if reasons else None
