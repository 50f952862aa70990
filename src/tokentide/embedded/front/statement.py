"""Is this one statement, of which kind, and where does the data of an INSERT begin? Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tokentide.embedded.front.lexer import SYNTAX_ERROR, Token, tokens
from tokentide.embedded.front.refusal import ClickHouseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["DataInsert", "Query", "find_data_insert", "read_query", "require_one_statement"]

_UNSUPPORTED_METHOD = 1
_INTO_OUTFILE_NOT_ALLOWED = 358

_OPENING = frozenset((b"(", b"[", b"{"))
_CLOSING = frozenset((b")", b"]", b"}"))
_NO_DATA_FOLLOWS = frozenset((b"SELECT", b"WITH", b"FROM", b"WATCH"))


@dataclass(frozen=True, slots=True)
class Query:
    """One whole statement, without a semicolon at its end.

    Attributes:
        sql: its text.
        format: what its FORMAT clause asks for, if any.
        kills: whether it stops other statements, which a server lets a reader do to its own.
    """

    sql: bytes
    format: str | None
    kills: bool


@dataclass(frozen=True, slots=True)
class DataInsert:
    """An INSERT whose data follows.

    Attributes:
        target: The statement up to its settings, its FORMAT or its VALUES.
        settings: Its SETTINGS clause, empty when it has none.
        format: Of the data.
        data_at: Where in the text the data begins.
    """

    target: bytes
    settings: bytes
    format: str
    data_at: int


def read_query(sql: bytes) -> Query:
    """The single statement in `sql`.

    Raises:
        ClickHouseError: It is empty, more than one statement, or uses files of a client that is not there.
    """
    body = _before_semicolons(list(tokens(sql)))
    if not body:
        raise ClickHouseError(SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
    _refuse_client_files(body)
    kills = [token.text for token in body[:2]] == [b"KILL", b"QUERY"]
    return Query(sql[: body[-1].end], _format_clause(sql, body), kills)


def require_one_statement(values: bytes) -> None:
    """Refuses a second statement after the data of an INSERT ... VALUES, which is written like SQL."""
    _before_semicolons(list(tokens(values)))


def find_data_insert(head: bytes) -> DataInsert | None:
    """The INSERT at the beginning of `head`, when its data follows in the text; None for any other statement.

    What comes after the beginning of the data is not looked at.
    """
    found = tokens(head)
    if not _next_is(found, b"INSERT") or not _next_is(found, b"INTO"):
        return None
    settings_at: int | None = None
    for token in _after_target(found):
        if token.text in _NO_DATA_FOLLOWS:
            return None
        if token.text == b"SETTINGS":
            settings_at = token.start
        end = token.start if settings_at is None else settings_at
        if token.text == b"VALUES":
            return DataInsert(head[:end], head[end : token.start], "Values", token.end)
        if token.text == b"FORMAT":
            name = next(found, None)
            if name is None or name.kind != "word":
                return None
            asked_for = head[name.start : name.end].decode()
            return DataInsert(head[:end], head[end : token.start], asked_for, _data_after_format(head, name.end))
    return None


def _after_target(found: Iterator[Token]) -> Iterator[Token]:
    """The words that follow an INSERT's table, outside of brackets: the table may be called FORMAT or VALUES."""
    target = next(found, None)
    while target is not None and target.text in {b"TABLE", b"FUNCTION"}:
        target = next(found, None)
    after_dot = False
    depth = 1 if target is not None and target.text in _OPENING else 0
    for token in found:
        if token.text in _OPENING:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
        elif depth == 0 and token.kind == "word" and not after_dot:
            yield token
        after_dot = token.text == b"."


def _data_after_format(head: bytes, at: int) -> int:
    """Past blanks and one line end, as in ClickHouse's ParserInsertQuery."""
    if head[at : at + 1] == b";":
        raise ClickHouseError(SYNTAX_ERROR, "SYNTAX_ERROR", "You have excessive ';' symbol before data for INSERT.")
    while head[at : at + 1] in {b" ", b"\t", b"\f"}:
        at += 1
    if head[at : at + 1] == b"\r":
        at += 1
    return at + 1 if head[at : at + 1] == b"\n" else at


def _before_semicolons(found: Sequence[Token]) -> Sequence[Token]:
    first = next((at for at, token in enumerate(found) if token.text == b";"), len(found))
    if any(token.text != b";" for token in found[first:]):
        raise ClickHouseError(
            SYNTAX_ERROR,
            "SYNTAX_ERROR",
            f"Syntax error (Multi-statements are not allowed): failed at position {found[first].end} (end of query).",
        )
    return found[:first]


def _refuse_client_files(body: Sequence[Token]) -> None:
    """Files of the client are the engine's own here: writing one is not even held back by readonly."""
    for first, second in pairwise(body):
        if (first.text, second.text) == (b"INTO", b"OUTFILE"):
            raise ClickHouseError(_INTO_OUTFILE_NOT_ALLOWED, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
        if (first.text, second.text) == (b"FROM", b"INFILE"):
            raise ClickHouseError(_UNSUPPORTED_METHOD, "UNSUPPORTED_METHOD", "FROM INFILE is not allowed")


def _format_clause(sql: bytes, body: Sequence[Token]) -> str | None:
    """The name after the last FORMAT, when it ends the statement or settings follow."""
    for at in range(len(body) - 2, -1, -1):
        name, after = body[at + 1], body[at + 2 : at + 3]
        is_clause = body[at].text == b"FORMAT" and name.kind == "word"
        if is_clause and (not after or after[0].text == b"SETTINGS"):
            return sql[name.start : name.end].decode()
    return None


def _next_is(found: Iterator[Token], word: bytes) -> bool:
    token = next(found, None)
    return token is not None and token.text == word
