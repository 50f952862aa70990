"""Where ClickHouse's words and signs are."""

from __future__ import annotations

import contextlib
import time

import pytest

from tokentide.embedded.front.lexer import tokens
from tokentide.embedded.front.refusal import ClickHouseError


def texts(sql: str) -> list[str]:
    """The source text of each token."""
    data = sql.encode()
    return [data[token.start : token.end].decode() for token in tokens(data)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a.b, 1+2", ["select", "a", ".", "b", ",", "1", "+", "2"]),
        # quotes: doubled, escaped, with a semicolon
        ("'a;''b\\';c';", ["'a;''b\\';c'", ";"]),
        ('"a;""b" `c;``d`;', ['"a;""b"', "`c;``d`", ";"]),
        ("\u2018a;b\u2019 \u201cc;d\u201d;", ["\u2018a;b\u2019", "\u201cc;d\u201d", ";"]),
        # comments
        ("a -- b ; c\n; d", ["a", ";", "d"]),
        ("a // b ; c\n; d", ["a", ";", "d"]),
        ("a # b ; c\n; d", ["a", ";", "d"]),
        ("a #! b ; c\n; d", ["a", ";", "d"]),
        ("a #b ; c", ["a", "#", "b", ";", "c"]),
        ("a /* ; /* ; */ ; */ b", ["a", "b"]),
        ("a->b - -1", ["a", "-", ">", "b", "-", "-", "1"]),
        # heredocs, and dollars that are none
        ("$$;$$ ;", ["$$;$$", ";"]),
        ("$tag$ ; $$ ; $tag$;", ["$tag$ ; $$ ; $tag$", ";"]),
        ("$tag$ ; ", ["$", "tag$", ";"]),
        ("a$b$c;d$b$", ["a$b$c", ";", "d$b$"]),
        # numbers: the sign of an exponent is no comment's beginning
        ("1e--;2", ["1e-", "-", ";", "2"]),
        ("0x1p--;2", ["0x1p-", "-", ";", "2"]),
        ("1_000.5e+3", ["1_000.5e+3"]),
        ("{x:Array(String)}", ["{", "x", ":", "Array", "(", "String", ")", "}"]),
    ],
)
def test_text_is_cut_as_clickhouse_cuts_it(sql, expected):
    """Quotes, comments, heredocs and numbers end where the engine's own lexer ends them."""
    assert texts(sql) == expected


def test_words_are_told_in_upper_case():
    """Keywords are compared without regard to case; what is in quotes is never a word."""
    found = [(token.kind, token.text) for token in tokens(b"Select 'Select' `select`")]
    assert found == [("word", b"SELECT"), ("quoted", b""), ("quoted", b"")]


@pytest.mark.parametrize("sql", ["select 'a", 'select "a', "select `a", "select /* a", "select 'a\\'"])
def test_what_is_not_closed_is_refused(sql):
    """An open quote or comment is a syntax error."""
    with pytest.raises(ClickHouseError) as refused:
        texts(sql)
    assert refused.value.code == 62


@pytest.mark.parametrize("sql", ["'" + "a" * 1_000_000, "'" + "''" * 500_000, "$" + "a" * 1_000_000, "/*" * 300_000])
def test_no_text_makes_it_slow(sql):
    """The time grows with the length of the text, not with its square."""
    started_at = time.perf_counter()
    with contextlib.suppress(ClickHouseError):
        texts(sql)
    assert time.perf_counter() - started_at < 2
