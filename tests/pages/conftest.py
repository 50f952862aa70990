"""One `up` for all pages, with keys for each of them, and the call that most of their answers are about."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.blocks import PAGES, ROOT
from tests.pages.running import Running, brought_up

_SEND_FOR_THEMSELVES = {"README.md", "docs/getting-started.md", "docs/lumiqtrace.md"}
_DAY_SECONDS, _LONG_ENOUGH_SECONDS = 86_400, 180


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running `up`; not over midnight, which would part the calls of a page from its questions about today."""
    time.sleep(_seconds_to_wait(time.time_ns() // 10**9))
    with brought_up(tmp_path_factory.mktemp("pages")) as up:
        yield up


@pytest.fixture(scope="session")
def environments(running: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What the commands of each page know of the world: what `up` told to export, with keys of the page's own.

    Whoever reads a page that does not begin with calls of its own has sent the README's.
    """
    (shown,) = re.findall(r'^\{"event_id".*\}$', (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    call = shown.replace("$(date -u +%FT%TZ)", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    made = {}
    for page in PAGES:
        keys = running.keys(running.words(page).project)
        if page not in _SEND_FOR_THEMSELVES:
            running.send(keys["INGEST_KEY"], call)
        made[page] = _terminal(tmp_path_factory.mktemp("home")) | running.environment | keys
    running.wait_until_stored()
    return made


def _terminal(home: Path) -> dict[str, str]:
    """As on a terminal, where curl shows no progress; but a refused request counts as a failed command."""
    (home / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n", encoding="utf-8")
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "TERM": "dumb", "COLUMNS": "160"}


def _seconds_to_wait(now: int) -> int:
    left = _DAY_SECONDS - now % _DAY_SECONDS
    return left if left < _LONG_ENOUGH_SECONDS else 0
