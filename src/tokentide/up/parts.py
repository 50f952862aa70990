"""Which processes `up` runs of tokentide itself, and how it knows that one is ready."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping

from tokentide.embedded.folder import DataFolder
from tokentide.embedded.part import Part
from tokentide.embedded.processes import Child

__all__ = ["answers", "api_part", "worker_part"]

_READY_SECONDS = 120.0
_STOP_SECONDS = 15.0


def worker_part(folder: DataFolder, number: int, settings: Mapping[str, str], port: int) -> Part:
    """Worker `number`, its metrics and probes on `port`. A restarted one takes its partitions over at once."""
    own = {
        "TOKENTIDE_METRICS_HOST": "127.0.0.1",
        "TOKENTIDE_METRICS_PORT": str(port),
        "TOKENTIDE_GROUP_INSTANCE_ID": f"up-{number}",
    }
    return _part(folder, f"worker-{number}", "worker", {**settings, **own}, port)


def api_part(folder: DataFolder, settings: Mapping[str, str], port: int) -> Part:
    """The API on `port`."""
    own = {"TOKENTIDE_API_HOST": "127.0.0.1", "TOKENTIDE_API_PORT": str(port)}
    return _part(folder, "api", "api", {**settings, **own}, port)


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  always http://127.0.0.1
            return bool(answer.status == 200)  # noqa: PLR2004  the standard's number
    except (urllib.error.URLError, OSError):
        return False


def _part(folder: DataFolder, name: str, command: str, settings: Mapping[str, str], port: int) -> Part:
    def start() -> Child:
        # In the data folder, so that a .env of the user's is read once, by `up`, and not again by its parts.
        return folder.spawn(
            name, [sys.executable, "-m", "tokentide", command], env={**os.environ, **settings}, cwd=folder.path
        )

    return Part(
        name,
        start=start,
        is_ready=lambda: answers(f"http://127.0.0.1:{port}/readyz"),
        ready_deadline_seconds=_READY_SECONDS,
        stop_deadline_seconds=_STOP_SECONDS,
    )
