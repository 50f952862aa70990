"""A shell as a reader has it: one for each page, so that later commands know what earlier ones set."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Printed", "Shell"]

_MOST_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command did."""

    code: int
    text: str
    complaint: str


class Shell:
    """A bash that lives as long as its page is played.

    Args:
        folder: where its commands are run.
        scratch: where commands and what they print is put.
        environment: all that its commands know of the world.
    """

    def __init__(self, folder: Path, scratch: Path, environment: Mapping[str, str]) -> None:
        self._scratch = scratch
        self._runs = 0
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> Printed:
        """Run a command to its end; it finds no standard input."""
        self._runs += 1
        base = self._scratch / str(self._runs)
        base.with_suffix(".sh").write_text(f"{command}\n", encoding="utf-8")
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f". {base}.sh >{base}.out 2>{base}.err </dev/null; echo $?\n")
        self._bash.stdin.flush()
        code = self._line_in_time(command)
        text, complaint = (base.with_suffix(end).read_text(encoding="utf-8") for end in (".out", ".err"))
        return Printed(int(code), text, complaint)

    def end(self) -> None:
        """Leave nothing behind, also of a command that has no end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()

    def _line_in_time(self, command: str) -> str:
        timer = threading.Timer(_MOST_SECONDS, os.killpg, (self._bash.pid, signal.SIGKILL))
        timer.start()
        try:
            assert self._bash.stdout is not None
            line = self._bash.stdout.readline()
        finally:
            timer.cancel()
        assert line, f"the shell ended, or this took longer than {_MOST_SECONDS} s: {command}"
        return line
