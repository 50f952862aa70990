"""How log lines look, and which are written."""

from __future__ import annotations

import json
import logging

import pytest

from tokentide import logs


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """Setting up logging is for a process, which here is everyone's."""
    root = logging.getLogger()
    handlers, chatty = list(root.handlers), [root, *map(logging.getLogger, logs._CHATTY)]
    levels = [logger.level for logger in chatty]
    yield
    root.handlers[:] = handlers
    for logger, level in zip(chatty, levels, strict=True):
        logger.setLevel(level)


def test_text_is_for_people(capsys):
    """Time, level, logger and message, on stderr."""
    logs.configure("INFO", "text")
    logging.getLogger("tokentide.worker").info("%d rows", 5)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith(" INFO    tokentide.worker: 5 rows\n")


def test_json_is_one_object_a_line(capsys):
    """With the time in UTC, and whatever the message holds."""
    logs.configure("INFO", "json")
    record = logging.LogRecord("tokentide.worker", logging.WARNING, "", 0, 'rows\n%s "é"', ("5",), None)
    record.created = 1_776_679_293.25
    logging.getLogger().handle(record)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line) == {
        "time": "2026-04-20T10:01:33.250000Z",
        "level": "warning",
        "logger": "tokentide.worker",
        "message": 'rows\n5 "é"',
    }


def test_fields_are_fields(capsys):
    """What is logged as fields can be asked for by name."""
    logs.configure("INFO", "json")
    logging.getLogger("tokentide.access").info("GET /x %d", 200, extra={"fields": {"route": "/x", "status": 200}})
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["message"], found["route"], found["status"]) == ("GET /x 200", "/x", 200)


def test_an_exception_stays_within_its_object(capsys):
    """A traceback over many lines would be many records to a machine."""
    logs.configure("INFO", "json")
    try:
        int("x")
    except ValueError:
        logging.getLogger("tokentide").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["exception"].endswith("invalid literal for int() with base 10: 'x'")


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("DEBUG", ["debug", "info", "warning"], ["debug", "info", "warning"]),
        ("INFO", ["info", "warning"], ["warning"]),
        ("WARNING", ["warning"], ["warning"]),
        ("ERROR", [], []),
    ],
)
def test_libraries_speak_only_when_something_is_wrong(capsys, level, ours, theirs):
    """What only their developers want to know is there at DEBUG."""
    for name in logs._CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logs.configure(level, "text")
    for logger, said in (("tokentide.x", ours), ("aiokafka.consumer", theirs)):
        for each in ("debug", "info", "warning"):
            getattr(logging.getLogger(logger), each)(each)
        assert [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()] == said


def test_setting_up_twice_says_things_once(capsys):
    """The last form counts."""
    logs.configure("INFO", "text")
    logs.configure("INFO", "json")
    logging.getLogger("tokentide").info("once")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("{")
