"""How does a child end when its parent is killed? This script runs a program that the kernel kills in that moment.

    python -I -S tether.py PARENT_PID PROGRAM [ARGUMENT ...]

It asks Linux for a signal at its parent's death (PR_SET_PDEATHSIG, which stays through exec) and becomes the program:
same process id, nothing in between. A script and not `preexec_fn`, because Python code between fork and exec can hang
a parent that has threads.

The signal is SIGKILL. A program asked to end politely while everything it depends on ends as well may wait for
minutes; each part of tokentide is built to lose nothing by kill -9, so certain and at once is better.

Only Linux has this; elsewhere the program simply runs, and can outlive a parent that was killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

__all__ = ["main"]

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ties this process to the parent whose id is the first argument and becomes the program that follows."""
    parent, program = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        _tie_to(parent)
    try:
        os.execvp(program[0], program)  # noqa: S606  becoming the program is what this script is for
    except OSError as error:
        sys.exit(f"cannot start {program[0]}: {error}")


def _tie_to(parent: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it died before the kernel was asked, so no signal will come
        sys.exit("the parent is gone")


if __name__ == "__main__":
    main(sys.argv[1:])
