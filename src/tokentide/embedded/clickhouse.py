"""How does the front over chDB run as a part?

clickhouse = prepare_clickhouse(folder)
with running([clickhouse.part]):
    client = clickhouse_connect.get_client(dsn=clickhouse.dsn)
"""

from __future__ import annotations

import http.client
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokentide.embedded.part import Part
from tokentide.embedded.ports import HOST

if TYPE_CHECKING:
    from tokentide.embedded.folder import DataFolder
    from tokentide.embedded.processes import Child

__all__ = ["ClickHouse", "answers_ping", "prepare_clickhouse"]

_PORT_NAME = "clickhouse"
_PING_SECONDS = 1.0
_READY_SECONDS = 60.0
_STOP_SECONDS = 8.0  # it gives running statements five


@dataclass(frozen=True, slots=True)
class ClickHouse:
    """The front, ready to be started."""

    port: int
    part: Part

    @property
    def dsn(self) -> str:
        """Where clients find it."""
        return f"http://{HOST}:{self.port}"


def prepare_clickhouse(folder: DataFolder, *, port: int = 0, memory_bytes: int = 2 << 30) -> ClickHouse:
    """The front over the data in `clickhouse/` of the folder.

    Args:
        folder: Where the data lives.
        port: Port on 127.0.0.1; 0 for a free one, the same for as long as the folder lives.
        memory_bytes: What all statements together may use; one that would need more is refused.
    """
    port = port or folder.ports([_PORT_NAME])[_PORT_NAME]
    module = [sys.executable, "-P", "-m", "tokentide.embedded.clickhouse_front"]
    data = ["--data", str(folder.path / "clickhouse")]
    command = [*module, *data, "--port", str(port), "--memory-bytes", str(memory_bytes)]

    def start() -> Child:
        return folder.spawn("clickhouse", command)

    part = Part(
        "clickhouse",
        start=start,
        is_ready=lambda: answers_ping(port),
        ready_deadline_seconds=_READY_SECONDS,
        stop_deadline_seconds=_STOP_SECONDS,
    )
    return ClickHouse(port, part)


def answers_ping(port: int) -> bool:
    """Whether something answers `/ping` on this port as ClickHouse does."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_PING_SECONDS)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().read() == b"Ok.\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
