"""Where do the words and signs of ClickHouse's SQL begin and end, past what is in quotes, comments and heredocs?

It cuts text as ClickHouse's own lexer does (src/Parsers/Lexer.cpp); a test compares the two on random text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tokentide.embedded.front.refusal import ClickHouseError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SYNTAX_ERROR", "Token", "tokens"]

SYNTAX_ERROR = 62

Kind = Literal["word", "quoted", "sign"]

# Alternatives that begin alike stand in the order in which ClickHouse tries them. `*+` and `++` never go back, so no
# text makes this slow.
_PIECE = re.compile(
    rb"""
    (?P<blank> [ \t\n\r\f\v]++ | --[^\n]*+ | //[^\n]*+ | \#[ !][^\n]*+ )
  | (?P<nested> /\* )
  | (?P<quoted>
        '  [^'\\]*+  (?: (?: \\. | ''   ) [^'\\]*+  )*+ '
      | "  [^"\\]*+  (?: (?: \\. | ""   ) [^"\\]*+  )*+ "
      | `  [^`\\]*+  (?: (?: \\. | ``   ) [^`\\]*+  )*+ `
      | \xe2\x80\x98 .*? \xe2\x80\x99
      | \xe2\x80\x9c .*? \xe2\x80\x9d
    )
  | (?P<heredoc> \$ [^$]*+ \$ )
  | (?P<word>
        0[xX][0-9a-fA-F_]++ (?: \.[0-9a-fA-F_]*+ )? (?: [pP][+-]?[0-9_]*+ )? \w*+
      | [0-9][0-9_]*+ (?: \.[0-9_]*+ )? (?: [eE][+-]?[0-9_]*+ )? \w*+
      | \w [\w$]*+
    )
  | (?P<unclosed> ['"`] )
  | (?P<sign> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL that means something: `text` is upper case for a word, empty for what is in quotes."""

    kind: Kind
    text: bytes
    start: int
    end: int


def tokens(sql: bytes) -> Iterator[Token]:
    """The tokens of `sql`, found as they are asked for.

    Raises:
        ClickHouseError: A quote or a comment is not closed.
    """
    at = 0
    while at < len(sql):
        piece = _PIECE.match(sql, at)
        assert piece is not None  # the last alternative takes any byte
        at = piece.end()
        kind = piece.lastgroup
        if kind == "nested":
            at = _end_of_comment(sql, at)
        elif kind == "heredoc":
            end = sql.find(piece[0], at)
            if end >= 0:
                at = end + len(piece[0])
                yield Token("quoted", b"", piece.start(), at)
            else:  # an ordinary dollar sign
                at = piece.start() + 1
                yield Token("sign", b"$", piece.start(), at)
        elif kind == "quoted":
            yield Token("quoted", b"", piece.start(), at)
        elif kind == "word":
            yield Token("word", piece[0].upper(), piece.start(), at)
        elif kind == "sign":
            yield Token("sign", piece[0], piece.start(), at)
        elif kind == "unclosed":
            raise ClickHouseError(
                SYNTAX_ERROR, "SYNTAX_ERROR", f"Syntax error: a quote at position {at} is not closed."
            )


def _end_of_comment(sql: bytes, at: int) -> int:
    """Where a comment ends whose opening is just before `at`; comments nest."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(sql, at)
        if edge is None:
            raise ClickHouseError(SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error: a comment is not closed.")
        depth += 1 if edge[0] == b"/*" else -1
        at = edge.end()
    return at
