"""Errors said in ClickHouse's way."""

from __future__ import annotations

import pytest

from tokentide.embedded.front.refusal import ClickHouseError, error_from_engine


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (62, 400),
        (60, 404),
        (81, 404),
        (497, 403),
        (516, 403),
        (159, 408),
        (48, 501),
        (229, 413),
        (241, 500),
        (9999, 500),
    ],
)
def test_each_code_has_the_status_of_a_real_server(code, status):
    """Clients decide by the status whether to try again, so it is ClickHouse's own."""
    assert ClickHouseError(code, "NAME", "text").status == status


def test_an_error_of_ours_reads_like_one_of_theirs():
    """Code, message and name stand where clients look for them."""
    assert ClickHouseError(62, "SYNTAX_ERROR", "no").text == "Code: 62. DB::Exception: no (SYNTAX_ERROR)"


def test_an_error_of_the_engine_is_passed_on():
    """The code is read out of the text, and what a library put in front of it is left out."""
    error = error_from_engine("Streaming insert failed: Code: 27. DB::Exception: Cannot parse. (CANNOT_PARSE)\n")
    assert error.code == 27
    assert error.text == "Code: 27. DB::Exception: Cannot parse. (CANNOT_PARSE)"


def test_an_error_without_a_code_is_unknown():
    """Whatever cannot be read is still an error, and keeps its text."""
    error = error_from_engine("Connection is closed")
    assert error.code == 1002
    assert "Connection is closed" in error.text
