"""What `up` tells about itself: the ready line, and the file by which `up --status` finds a running one."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

__all__ = ["Ready", "read", "write"]

_FILE = "status.json"


@dataclass(frozen=True, slots=True)
class Ready:
    """Where everything is. `pids` are the working processes; they change when a part is started again."""

    ready: bool
    kafka: str
    clickhouse: str
    api: str
    metrics: list[str]
    project_id: str
    org_id: str
    ingest_key: str
    read_key: str
    pids: dict[str, int | list[int | None] | None]
    data: str

    def line(self) -> str:
        """The line that `up --json` prints."""
        return json.dumps(asdict(self))

    def with_pids(self, pids: dict[str, int | None], workers: int, *, ready: bool) -> Ready:
        """The same with the pids of now: parts by name, the workers as a list."""
        single = {name: pid for name, pid in pids.items() if not name.startswith("worker-")}
        of_workers = [pids.get(f"worker-{number}") for number in range(1, workers + 1)]
        return replace(self, ready=ready, pids={**single, "workers": of_workers})


def write(folder: Path, ready: Ready) -> None:
    """Leave the status in the data folder, readable by its owner only: it holds keys."""
    fresh = folder / f"{_FILE}.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps({"owner": os.getpid(), **asdict(ready)}))
    fresh.replace(folder / _FILE)


def read(folder: Path) -> Ready | None:
    """The status of the `up` that runs on the folder; None when none does."""
    try:
        found = dict(json.loads((folder / _FILE).read_text(encoding="utf-8")))
        os.kill(found.pop("owner"), 0)
        return Ready(**found)
    except (OSError, ValueError, KeyError, TypeError):
        return None
