"""The command line, run in this process: what it prints, and the code it ends with."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

import pytest

from tokentide.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """Commands set up logging for their process, which here is everyone's."""
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in root.manager.loggerDict)]
    before = [(logger, logger.level) for logger in loggers]
    handlers = list(root.handlers)
    yield
    root.handlers[:] = handlers
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    """Neither in the environment nor in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("TOKENTIDE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def tokentide(monkeypatch, capsys):
    """Runs a command with these settings and no others."""

    def run(*arguments, **settings):
        monkeypatch.setattr("sys.argv", ["tokentide", *arguments])
        for name, value in settings.items():
            monkeypatch.setenv(f"TOKENTIDE_{name}", value)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ended(ended.value.code, printed.out, printed.err)

    return run
