"""How does a child process start, write its log, answer and end?

    child = spawn("broker", ["java", "-version"], log=Path("logs/broker.log"))
    wait_until_ready(child, lambda: answers("127.0.0.1", 9092), deadline_seconds=30)
    child.stop(deadline_seconds=10)

A child never outlives this process, not even after kill -9 (see `tether`). Its group is its own, so that Ctrl-C in a
terminal reaches only this process, which then stops its children in order.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tokentide.errors import DependencyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Child", "require_hope", "spawn", "wait_until_ready"]

_logger = logging.getLogger(__name__)

_LOG_CAP_BYTES = 10 * 1024 * 1024
_POLL_SECONDS = 0.05
_TAIL_BYTES = 16 * 1024


class Child:
    """A started process. `pid` is the program itself, never a wrapper; `log` is where its output goes."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.pid = process.pid
        self.log = log
        self._process = process

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it (-9 for kill -9)."""
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        """Sends a signal; nothing happens when the process has ended."""
        self._process.send_signal(number)

    def wait(self, deadline_seconds: float) -> int:
        """Blocks until it ends by itself; kills it after `deadline_seconds`; returns its exit code."""
        try:
            return self._process.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            _logger.warning("%s (pid %d) did not end in %.0f s: killed", self.name, self.pid, deadline_seconds)
            return self.kill()

    def ask_to_stop(self) -> None:
        """Sends SIGTERM and returns at once."""
        self.send_signal(signal.SIGTERM)
        self.send_signal(signal.SIGCONT)  # a stopped process takes no other signal than SIGKILL

    def stop(self, deadline_seconds: float) -> int:
        """Asks the process to end, kills it after `deadline_seconds`, and returns its exit code."""
        self.ask_to_stop()
        return self.wait(deadline_seconds)

    def kill(self) -> int:
        """Ends the process at once (SIGKILL) and returns its exit code."""
        self._process.kill()
        return self._process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of its log, for an error message; empty when there are none."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except OSError as error:
            return f"(no log: {error})"
        return "\n".join(text.splitlines()[-lines:])


def spawn(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    keep_open: Sequence[int] = (),
) -> Child:
    """Starts `command`, which ends when this process ends, whatever way that is.

    Args:
        name: What people call it, in logs and errors.
        command: Program and arguments. No secrets: any user of the machine can read them.
        log: File for stdout and stderr, appended to; put aside as `<log>.1` when it is over 10 MB.
        env: The whole environment of the child; this process's when None.
        cwd: The folder it runs in; this process's when None.
        keep_open: File descriptors that the child holds on to.

    Raises:
        RuntimeError: Called outside the main thread: the kernel ties a child to the thread that started it.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{name} must be started from the main thread: a child ends with the thread that started it")
    log.parent.mkdir(parents=True, exist_ok=True)
    _put_aside_when_large(log)
    tether = [sys.executable, "-I", "-S", str(Path(__file__).with_name("tether.py")), str(os.getpid())]
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  the command is the caller's, a list, and no shell reads it
            [*tether, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            pass_fds=keep_open,
            start_new_session=True,
        )
    return Child(name, process, log)


def wait_until_ready(child: Child, is_ready: Callable[[], bool], deadline_seconds: float) -> None:
    """Blocks until `is_ready()` says yes.

    Raises:
        DependencyUnavailable: The child ended, or `deadline_seconds` passed; with the end of its log.
    """
    started_at = time.monotonic()
    while not is_ready():
        require_hope(child, time.monotonic() - started_at, deadline_seconds)
        time.sleep(_POLL_SECONDS)


def require_hope(child: Child, waited_seconds: float, deadline_seconds: float) -> None:
    """Raises DependencyUnavailable when it makes no sense to wait any longer for a child to be ready."""
    if child.exit_code is not None:
        problem = f"{child.name} ended with exit code {child.exit_code}"
    elif waited_seconds > deadline_seconds:
        problem = f"{child.name} did not answer in {deadline_seconds:.0f} s"
    else:
        return
    raise DependencyUnavailable(f"{problem}; the end of {child.log}:\n{child.log_tail()}")


def _put_aside_when_large(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_CAP_BYTES:
        log.replace(log.with_name(log.name + ".1"))
