"""Who may use a data folder? One `up` at a time, and the next one after kill -9 of everything.

    with DataFolder(Path("tokentide-data")) as folder:
        child = folder.spawn("broker", ["java", "..."])     # logs to tokentide-data/logs/broker.log

Two locks. `owner.lock` is held by the process that opened the folder. `parts.lock` is handed down to each part it
starts, so it is free only when the last of them has ended: a new owner waits for that, since two brokers on the same
files would be worse than a short wait. The kernel gives both back when their holders end, whatever way that is.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TYPE_CHECKING, Self

from tokentide.embedded.ports import remembered_ports
from tokentide.embedded.processes import Child, spawn
from tokentide.errors import DependencyUnavailable, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["DataFolder"]

_OWNER_SECONDS = 1.0  # the kernel takes a moment to clear away an owner that was killed
_PARTS_SECONDS = 15.0
_POLL_SECONDS = 0.05


class DataFolder:
    """A folder that this process alone uses, between `with` and its end."""

    def __init__(self, path: Path, *, parts_deadline_seconds: float = _PARTS_SECONDS) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self._parts_deadline_seconds = parts_deadline_seconds
        self._locks: list[int] = []

    def __enter__(self) -> Self:
        """Takes the folder, making it when needed.

        Raises:
            SettingsError: Another live process uses it, or it cannot be made.
            DependencyUnavailable: Parts of an earlier run are still there.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_owner_lock()
            self._take_parts_lock()
        except OSError as error:
            self._release()
            raise SettingsError([f"data folder {self.path} cannot be used: {error}"]) from error
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def spawn(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Child:
        """Starts a part that writes to `logs/<name>.log`; see `processes.spawn`."""
        log = self.logs / f"{name}.log"
        return spawn(name, command, log=log, env=env, cwd=cwd, keep_open=self._locks[1:])

    def ports(self, names: Sequence[str]) -> dict[str, int]:
        """A free port for each name, the same each time this folder is used."""
        return remembered_ports(self.path / "ports.json", names)

    def _take_owner_lock(self) -> None:
        lock = self._open("owner.lock")
        if not _lock_within(lock, _OWNER_SECONDS):
            owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            raise SettingsError(
                [f"data folder {self.path} is in use by process {owner}: stop it, or choose another folder"]
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)

    def _take_parts_lock(self) -> None:
        if not _lock_within(self._open("parts.lock"), self._parts_deadline_seconds):
            raise DependencyUnavailable(
                f"parts of an earlier run still use {self.path} after {self._parts_deadline_seconds:.0f} s: "
                f"find them with `fuser {self.path / 'parts.lock'}` and end them"
            )

    def _open(self, name: str) -> int:
        lock = os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)
        self._locks.append(lock)
        return lock

    def _release(self) -> None:
        while self._locks:
            os.close(self._locks.pop())


def _lock_within(lock: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not _try_lock(lock):
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
