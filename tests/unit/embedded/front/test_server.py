"""The HTTP around the engine, with a stand-in for the engine."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading

import pytest

from tests.unit.embedded.waiting import eventually
from tokentide.embedded.front.engine import Answer
from tokentide.embedded.front.refusal import ClickHouseError
from tokentide.embedded.front.server import FrontServer
from tokentide.embedded.ports import HOST


class Echo:
    """An engine that answers with the statement it was given."""

    version = "1.2.3"
    timezone = "UTC"

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.lost: list[Exception] = []

    def run(self, request, source):
        """Echoes, fails or waits, as the statement says."""
        try:
            text = b"".join(source)
        except ConnectionError as error:
            self.lost.append(error)
            raise
        if text == b"fail":
            raise ClickHouseError(60, "UNKNOWN_TABLE", "no such table")
        if text == b"break":
            raise ZeroDivisionError
        self.began.set()
        assert self.go_on.wait(10)
        return Answer(text, request.default_format, {"read_rows": 1})


@pytest.fixture
def engine():
    return Echo()


@pytest.fixture
def serve(engine):
    """Starts servers over the engine, and ends them."""
    servers = []

    def serve(**options):
        server = FrontServer(0, engine, **options)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server

    yield serve
    engine.go_on.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def ask(server, body=b"", *, method="POST", path="/?", headers=None, connection=None):
    """Status, headers and content of one answer."""
    connection = connection or http.client.HTTPConnection(HOST, server.server_port, timeout=10)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def test_a_statement_is_answered_in_clickhouses_way(serve):
    """Content, format, summary, time zone and query id are where clients look for them."""
    status, headers, content = ask(serve(), b"select 1", path="/?query_id=q&default_format=TSV")
    assert (status, content) == (200, b"select 1")
    assert headers["X-ClickHouse-Format"] == "TSV"
    assert headers["X-ClickHouse-Query-Id"] == "q"
    assert headers["X-ClickHouse-Timezone"] == "UTC"
    assert json.loads(headers["X-ClickHouse-Summary"])["read_rows"] == "1"


def test_the_address_comes_before_the_body(serve):
    """A statement in the address goes on in the body."""
    assert ask(serve(), b"1\n", path="/?query=INSERT+INTO+t+FORMAT+CSV")[2] == b"INSERT INTO t FORMAT CSV\n1\n"


def test_a_connection_serves_many_statements(serve):
    """It is kept open, after errors too."""
    server = serve()
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=10)
    assert [ask(server, body, connection=connection)[0] for body in (b"a", b"fail", b"b")] == [200, 404, 200]


def test_an_error_has_code_and_text(serve):
    """Clients read the code in a header and the text in the content."""
    status, headers, content = ask(serve(), b"fail")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (404, "60")
    assert content == b"Code: 60. DB::Exception: no such table (UNKNOWN_TABLE) (version 1.2.3)\n"


def test_a_fault_of_ours_is_told_too(serve):
    """A client never waits for an answer that does not come."""
    status, headers, _ = ask(serve(), b"break")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "1002")


def test_it_says_what_it_is(serve):
    """Nobody can take it for a ClickHouse server."""
    status, _, content = ask(serve(), method="GET", path="/")
    assert status == 200
    assert b"not a ClickHouse server" in content
    assert ask(serve(), method="GET", path="/ping")[2] == b"Ok.\n"
    assert ask(serve(), method="GET", path="/play")[0] == 404


def test_a_refused_upload_is_read_to_its_end(serve):
    """A client that is still sending would otherwise see a broken connection in place of the error."""
    status, headers, _ = ask(serve(), bytes(5_000_000), path="/?a+b=1")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "408")


def test_an_upload_that_is_too_long_is_refused(serve):
    """The bound is the server's."""
    status, headers, _ = ask(serve(body_bytes=10), bytes(11))
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "307")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Authorization": "Basic " + base64.b64encode(b"u:wrong").decode()}, 403),
        ({"Authorization": "Basic " + base64.b64encode("u:p\u00e4".encode()).decode()}, 200),
    ],
)
def test_credentials_are_asked_for(serve, headers, status):
    """With a user and password set, only they open the door."""
    answered, found, _ = ask(serve(credentials=("u", "pä")), b"select 1", headers=headers)
    assert answered == status
    assert (found["X-ClickHouse-Exception-Code"] == "516") == (status == 403)


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://example.org"}, {"Host": "example.org"}, {"Host": "example.org:80"}]
)
def test_web_pages_are_refused(serve, headers):
    """A page in a browser, even under a name that leads to 127.0.0.1, runs no statement."""
    assert ask(serve(), b"drop table t", headers=headers)[0] == 403


def test_an_upload_cut_off_is_no_statement(serve, engine):
    """When a client dies in the middle of its body, the engine hears of it, and is not given half as a whole."""
    server = serve()
    with socket.create_connection((HOST, server.server_port)) as client:
        client.sendall(b"POST /? HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nINSERT")
    eventually(lambda: engine.lost)
    assert ask(server, b"next")[2] == b"next"


def test_a_slow_client_holds_up_nobody(serve):
    """Others are served while one has not finished its request."""
    server = serve()
    with socket.create_connection((HOST, server.server_port)) as slow:
        slow.sendall(b"POST /? HTTP/1.1\r\nHost: local")
        assert ask(server, b"quick")[2] == b"quick"


def test_the_end_waits_for_what_runs(serve, engine):
    """A statement that has begun is answered; one that comes later is not begun."""
    server = serve()
    engine.go_on.clear()
    kept = http.client.HTTPConnection(HOST, server.server_port, timeout=10)
    assert ask(server, method="GET", path="/ping", connection=kept)[0] == 200
    answers, finished = [], []
    asking = threading.Thread(target=lambda: answers.append(ask(server, b"long")))
    asking.start()
    assert engine.began.wait(10)
    finishing = threading.Thread(target=lambda: finished.append(server.finish(10)))
    finishing.start()
    eventually(lambda: server._is_finishing)
    with pytest.raises(ConnectionError):
        ask(server, b"late", connection=kept)
    engine.go_on.set()
    asking.join(10)
    finishing.join(10)
    assert answers[0][2] == b"long"
    assert finished == [True]


def test_the_end_does_not_wait_for_ever(serve, engine):
    """At the deadline it says that something still runs."""
    server = serve()
    engine.go_on.clear()
    asking = threading.Thread(target=lambda: ask(server, b"long"))
    asking.start()
    assert engine.began.wait(10)
    assert not server.finish(0.1)
    engine.go_on.set()
    asking.join(10)
