"""How does ClickHouse's HTTP interface look from outside? Addresses, headers and statuses around the engine.

One thread a connection, so a slow client holds up nobody. It serves this machine's programs only: a browser's page,
which could otherwise send statements to 127.0.0.1 behind its user's back, is refused.
"""

from __future__ import annotations

import hmac
import json
import logging
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tokentide.embedded.front.body import compress, read_body, take, unpack
from tokentide.embedded.front.engine import SQL_BYTES
from tokentide.embedded.front.refusal import ClickHouseError
from tokentide.embedded.front.request import parse_form, parse_request
from tokentide.embedded.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tokentide.embedded.front.engine import Answer, Engine
    from tokentide.embedded.front.request import Request

__all__ = ["WHAT_IT_IS", "FrontServer"]

_logger = logging.getLogger(__name__)

WHAT_IT_IS = "tokentide's development server: ClickHouse's SQL engine (chDB) over HTTP. It is not a ClickHouse server."

_AUTHENTICATION_FAILED = 516
_UNKNOWN_EXCEPTION = 1002
_QUIET_SECONDS = 120.0  # a connection on which nothing comes or goes for so long is closed
_LOCAL_NAMES = frozenset({HOST, "localhost"})


class FrontServer(ThreadingHTTPServer):
    """Serves an engine until `finish`.

    Args:
        port: Port on 127.0.0.1; 0 for any, see `server_port`.
        engine: Answers the statements.
        credentials: User and password that each request must carry; None for nobody asks.
        body_bytes: What one request may send.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, port: int, engine: Engine, *, credentials: tuple[str, str] | None = None, body_bytes: int = 4 << 30
    ) -> None:
        self.engine = engine
        self.credentials = credentials
        self.body_bytes = body_bytes
        self._running = 0
        self._is_finishing = False
        self._changed = threading.Condition()
        super().__init__((HOST, port), _Connection)

    def begin_statement(self) -> bool:
        """Whether a statement may begin; one that may must end with `end_statement`."""
        with self._changed:
            self._running += not self._is_finishing
            return not self._is_finishing

    def end_statement(self) -> None:
        """Says that a statement is over."""
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def finish(self, deadline_seconds: float) -> bool:
        """Takes no more statements and waits for those that run; says whether all came to their end in time."""
        self.shutdown()
        self.server_close()
        with self._changed:
            self._is_finishing = True
            return self._changed.wait_for(lambda: self._running == 0, deadline_seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is the client's affair; anything else is a fault of ours."""
        error = sys.exception()
        level = logging.DEBUG if isinstance(error, (ConnectionError, TimeoutError)) else logging.ERROR
        _logger.log(level, "the connection %s of %s broke", request, client_address, exc_info=error)


class _Connection(BaseHTTPRequestHandler):
    server: FrontServer
    protocol_version = "HTTP/1.1"
    server_version = "tokentide-clickhouse-front"
    sys_version = ""
    timeout = _QUIET_SECONDS
    # head and body in one packet, sent at once: without both, an answer takes 40 ms
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        _logger.debug("%s: %s", self.client_address, format % args)

    def _serve(self) -> None:
        path = urlsplit(self.path).path
        if not self._is_from_a_program():
            self._reply(HTTPStatus.FORBIDDEN, b"This server does not talk to web pages.\n")
        elif path == "/ping":
            self._reply(HTTPStatus.OK, b"Ok.\n")
        elif path != "/":
            self._reply(HTTPStatus.NOT_FOUND, b"There is only / and /ping.\n")
        elif self.command == "GET" and "?" not in self.path:
            self._reply(HTTPStatus.OK, f"{WHAT_IT_IS}\n".encode())
        else:
            self._serve_statement()

    def _is_from_a_program(self) -> bool:
        name = self.headers.get("Host", HOST).rpartition(":")[0] or self.headers.get("Host", HOST)
        return name in _LOCAL_NAMES and "Origin" not in self.headers

    def _serve_statement(self) -> None:
        raw = read_body(self.rfile, self.headers, self.server.body_bytes)
        if not self.server.begin_statement():
            self.close_connection = True  # as when the server had ended already: clients know what to do then
            return
        try:
            self._answer_statement(raw)
        except (ConnectionError, TimeoutError) as error:
            _logger.debug("client %s lost: %s", self.client_address, error)
            self.close_connection = True
        finally:
            self.server.end_statement()

    def _answer_statement(self, raw: Iterator[bytes]) -> None:
        started_at = time.perf_counter_ns()
        try:
            request, source = self._read_request(raw)
            answer = self.server.engine.run(request, source)
        except ClickHouseError as error:
            self._skip(raw)
            self._reply_error(error)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # a client must hear of every failure, or it waits or tries again
            _logger.exception("a statement failed")
            self._skip(raw)
            self._reply_error(ClickHouseError(_UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", repr(error)))
        else:
            self._reply_answer(request, answer, time.perf_counter_ns() - started_at)

    def _read_request(self, raw: Iterator[bytes]) -> tuple[Request, Iterator[bytes]]:
        source = unpack(raw, self.headers.get("Content-Encoding", ""))
        content_type = self.headers.get("Content-Type", "")
        form: Mapping[str, str] = {}
        if content_type.startswith("multipart/form-data"):
            body, _ = take(source, SQL_BYTES)
            form, source = parse_form(content_type, body), iter(())
        request = parse_request(self.command, self.path, self.headers, form)
        self._require_credentials(request.credentials)
        if request.query:
            source = chain([request.query.encode() + b"\n"], source)
        return request, source

    def _require_credentials(self, given: tuple[str, str]) -> None:
        asked = self.server.credentials
        if asked and not hmac.compare_digest("\0".join(given).encode(), "\0".join(asked).encode()):
            raise ClickHouseError(
                _AUTHENTICATION_FAILED,
                "AUTHENTICATION_FAILED",
                "Authentication failed: password is incorrect, or no user",
            )

    def _skip(self, raw: Iterator[bytes]) -> None:
        """Reads what is left of the body, or the client, still sending, would never see the answer."""
        try:
            for _ in raw:
                pass
        except ClickHouseError:
            self.close_connection = True

    def _reply_answer(self, request: Request, answer: Answer, elapsed_ns: int) -> None:
        summary = {name: str(value) for name, value in {**answer.summary, "elapsed_ns": elapsed_ns}.items()}
        headers = {"X-ClickHouse-Query-Id": request.query_id, "X-ClickHouse-Summary": json.dumps(summary)}
        if answer.format is not None:
            headers["X-ClickHouse-Format"] = answer.format
        data, encoding = compress(answer.data, request.encodings)
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        self._reply(HTTPStatus.OK, data, headers)

    def _reply_error(self, error: ClickHouseError) -> None:
        text = f"{error.text} (version {self.server.engine.version})\n"
        self._reply(error.status, text.encode(), {"X-ClickHouse-Exception-Code": str(error.code)})

    def _reply(self, status: HTTPStatus, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        own = {
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Length": str(len(data)),
            "X-ClickHouse-Server-Display-Name": "tokentide development server",
            "X-ClickHouse-Timezone": self.server.engine.timezone,
        }
        for name, value in {**own, **(headers or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()
