"""How every process logs: to stderr, as text for people or as one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from typing_extensions import override

__all__ = ["configure"]

_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
# These speak at INFO of what only their own developers want to know.
_CHATTY = ("aiokafka", "faust", "mode", "httpx", "httpcore", "asyncio", "kafka")
# These warn at each attempt of what we report ourselves, with the reason and the next attempt.
_REPEATING = ("clickhouse_connect", "urllib3")


class _Json(logging.Formatter):
    """What is logged with `extra={"fields": {…}}` is an object's own fields."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Send what is logged at `level` or above to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else logging.Formatter(_TEXT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    if level != "DEBUG":
        for name in _CHATTY:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
        for name in _REPEATING:
            logging.getLogger(name).setLevel(logging.ERROR)
