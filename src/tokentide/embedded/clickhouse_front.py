"""A development server that speaks ClickHouse's HTTP protocol, over chDB: ClickHouse's SQL engine in this process.

    python -m tokentide.embedded.clickhouse_front --data FOLDER --port 8123

It is not a ClickHouse server: no users, roles, sessions, replication or external data; answers are made in memory
before they are sent; one process. It is for `tokentide up`, for demonstrations, and for tests without Docker. What it
acknowledged survives kill -9, for tables with `fsync_after_insert` also a power cut.

The environment variable TOKENTIDE_FRONT_CREDENTIALS, as `user:password`, makes it ask for them.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

__all__ = ["CREDENTIALS_VARIABLE", "main"]

_logger = logging.getLogger(__name__)

CREDENTIALS_VARIABLE = "TOKENTIDE_FRONT_CREDENTIALS"

_MEMORY_BYTES = 2 << 30
_BODY_BYTES = 4 << 30
_FINISH_SECONDS = 5.0
_EXIT_UNREACHABLE = 3


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # Before chDB starts threads: each inherits the mask, so that the signal waits for sigwait, in this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    os.environ["TZ"] = "UTC"  # chDB reads it once, when it is loaded
    options.data.mkdir(parents=True, exist_ok=True)
    os.chdir(options.data)
    return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    from tokentide.embedded.front.engine import Engine  # noqa: PLC0415  loads chDB: after TZ and the signal mask
    from tokentide.embedded.front.refusal import ClickHouseError  # noqa: PLC0415  together with it
    from tokentide.embedded.front.server import FrontServer  # noqa: PLC0415  together with it

    try:
        engine = Engine("store", options.memory_bytes)
        server = FrontServer(options.port, engine, credentials=_credentials(), body_bytes=options.body_bytes)
    except ClickHouseError as error:
        _logger.error("%s cannot be opened: %s", options.data, error.text)  # noqa: TRY400  the text says it all
        return _EXIT_UNREACHABLE
    except OSError as error:
        _logger.error("port %d cannot be used: %s", options.port, error)  # noqa: TRY400  the text says it all
        return _EXIT_UNREACHABLE
    threading.Thread(target=server.serve_forever, name="accept", daemon=True).start()
    _logger.info("serving %s on port %d", options.data, server.server_port)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    if not server.finish(_FINISH_SECONDS):
        _logger.warning("statements still ran after %.0f s and are cut off", _FINISH_SECONDS)
        os._exit(0)
    engine.close()
    return 0


def _credentials() -> tuple[str, str] | None:
    user, colon, password = os.environ.get(CREDENTIALS_VARIABLE, "").partition(":")
    return (user, password) if colon else None


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tokentide.embedded.clickhouse_front",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="where the data lives")
    parser.add_argument("--port", type=int, default=8123, help="port on 127.0.0.1, 0 for any (default: 8123)")
    parser.add_argument("--memory-bytes", type=int, default=_MEMORY_BYTES, help="for all statements together")
    parser.add_argument("--body-bytes", type=int, default=_BODY_BYTES, help="what one request may send")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
