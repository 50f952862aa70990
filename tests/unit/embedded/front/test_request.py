"""What an HTTP request asks for."""

from __future__ import annotations

import base64
import re
from urllib.parse import urlencode

import pytest

from tokentide.embedded.front.refusal import ClickHouseError
from tokentide.embedded.front.request import parse_form, parse_request, quoted, set_statement


def request(method="POST", headers=None, form=None, **given):
    """Parses a request with these parameters in its address."""
    return parse_request(method, "/?" + urlencode(given), headers or {}, form or {})


def test_parameters_are_told_from_settings():
    """Binds, settings and what belongs to HTTP go their own ways."""
    found = request(query="select 1", database="d", param_x="1", max_threads="2", wait_end_of_query="1", query_id="q")
    assert (found.query, found.database, found.query_id) == ("select 1", "d", "q")
    assert found.binds == {"x": "1"}
    assert found.settings == {"max_threads": "2"}


def test_sessions_are_accepted_and_mean_nothing():
    """Clients that send a session id by default are served."""
    assert request(session_id="s", session_timeout="60").settings == {}


def test_get_must_not_write():
    """As on a ClickHouse server, a GET is read-only unless it says otherwise."""
    assert request("GET", query="drop table t").is_readonly
    assert not request("POST", query="drop table t").is_readonly
    assert request("POST", readonly="1").is_readonly
    assert not request("POST", readonly="0").is_readonly


def test_the_form_adds_to_the_address():
    """Long parameters come as a form."""
    found = request(form={"query": "select {x:String}", "param_x": "v"}, database="d")
    assert (found.query, found.database, found.binds) == ("select {x:String}", "d", {"x": "v"})


@pytest.mark.parametrize("name", ["max threads", "a=1, readonly", "a;b", "1a", "param_x'"])
def test_a_name_that_is_none_is_refused(name):
    """Names go into SQL as they are, so they must be names."""
    with pytest.raises(ClickHouseError) as refused:
        request(**{name: "1"})
    assert refused.value.code == 408


@pytest.mark.parametrize("name", ["compress", "decompress"])
def test_clickhouses_own_compression_is_refused(name):
    """It is not spoken here, and silence would look like garbage."""
    with pytest.raises(ClickHouseError):
        request(**{name: "1"})


@pytest.mark.parametrize(
    ("headers", "given", "credentials"),
    [
        ({}, {}, ("default", "")),
        ({"Authorization": "Basic " + base64.b64encode(b"u:p:q").decode()}, {}, ("u", "p:q")),
        ({"Authorization": "Basic !"}, {}, ("", "")),
        ({"X-ClickHouse-User": "u", "X-ClickHouse-Key": "p"}, {}, ("u", "p")),
        ({}, {"user": "u", "password": "p"}, ("u", "p")),
    ],
)
def test_credentials_come_three_ways(headers, given, credentials):
    """Basic authentication, ClickHouse's headers, or parameters."""
    assert request(headers=headers, **given).credentials == credentials


@pytest.mark.parametrize("query_id", ["", "two\r\nlines", "x" * 129, "ü"])
def test_a_query_id_that_cannot_be_a_header_is_replaced(query_id):
    """What a client sends comes back in a header, so it cannot break one."""
    assert re.fullmatch(r"[0-9a-f-]{36}", request(query_id=query_id).query_id)


def test_answers_are_compressed_only_on_request():
    """A setting must be there beside the header, as on a server."""
    headers = {"Accept-Encoding": "lz4, gzip;q=0.5"}
    assert request(headers=headers).encodings == ("",)
    assert request(headers=headers, enable_http_compression="1").encodings == ("lz4", "gzip")


FORM = (
    b"--B\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nselect\r\n'--B' {x:String}\r\n"
    b'--B\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name="param_x"\r\n\r\n\xc3\xbc\n\r\n--B--\r\n'
)


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=B", 'multipart/form-data; boundary="B"; x=y'])
def test_a_form_is_read(content_type):
    """Fields keep their line ends and their UTF-8."""
    assert parse_form(content_type, FORM) == {"query": "select\r\n'--B' {x:String}", "param_x": "ü\n"}


def test_external_data_is_refused():
    """A table in a form's file is a feature that does not exist here."""
    body = b'--B\r\nContent-Disposition: form-data; name="t"; filename="t.csv"\r\n\r\n1\r\n--B--\r\n'
    with pytest.raises(ClickHouseError) as refused:
        parse_form("multipart/form-data; boundary=B", body)
    assert refused.value.code == 48


def test_a_form_without_a_boundary_is_refused():
    """What cannot be cut cannot be read."""
    with pytest.raises(ClickHouseError):
        parse_form("multipart/form-data", FORM)


def test_readonly_is_set_last():
    """It forbids every setting that would come after it."""
    assert set_statement({"readonly": "1", "max_threads": "2"}) == "SET max_threads = '2', readonly = '1'"


@pytest.mark.parametrize(
    ("value", "quote", "literal"),
    [("a'b\\", "'", r"'a\'b\\'"), ("d`; drop", "`", r"`d\`; drop`"), ("plain", "'", "'plain'")],
)
def test_values_stay_values(value, quote, literal):
    """A quote or a backslash in a value does not end it."""
    assert quoted(value, quote) == literal
