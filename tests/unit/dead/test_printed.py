"""What people and machines are shown of dead letters."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.dead.ledger import Ledger
from tokentide.dead.letter import Letter, LetterId, Place
from tokentide.dead.printed import described, readable, told, totals, whole_object
from tokentide.dead.replay import Outcome, Result
from tokentide.settings import Settings

LETTER = Letter(
    LetterId("llm.events", 3, 12, 0, 1_776_679_293_000),
    Place(1, 5),
    "not_utf8",
    "bad \x1b[31m",
    9,
    cut=True,
    projects=("p",),
)


@given(st.binary(max_size=100) | st.text().map(str.encode))
def test_no_control_character_reaches_a_terminal(raw):
    """Only what is printable, line ends and tabs; the rest is escaped."""
    assert all(sign.isprintable() or sign in "\n\t" for sign in readable(raw))


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"{}\n", "{}\n"), ("ü".encode(), "ü"), (b"\xff\x00\x1b", r"\xff\x00\x1b"), ("a\u202eb".encode(), r"a\u202eb")],
)
def test_what_is_readable_stays(raw, text):
    """UTF-8 as it is, bytes that are none as escapes; nothing turns the direction of a line."""
    assert readable(raw) == text


def test_a_letter_says_everything():
    """Where from, why, how much of it is there, and its bytes; as JSON exactly, too."""
    said = described(LETTER, Ledger(), b"\xffab")
    assert "llm.events[3], offset 12, event 0 of the record" in said
    assert "9, of which the first 3 are here" in said
    assert r"bad \x1b[31m" in said
    assert said.endswith("\\xffab\n")
    shown = json.loads(json.dumps(whole_object(LETTER, Ledger(), b"\xffab")))
    assert base64.b64decode(shown["raw_base64"]) == b"\xffab"
    assert (shown["id"], shown["time"], shown["state"]) == ("3:12:0", "2026-04-20T10:01:33.000Z", "waiting")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_words(outcome):
    """Which letter, why it was refused, and what became of it."""
    assert told(Result(LETTER, outcome, Place(3, 99)), Ledger(), Settings()).startswith("3:12:0  not_utf8  ")


def test_totals_are_by_reason():
    """And say when not all are shown."""
    assert totals([], 0) == "no dead letters"
    assert totals([LETTER, LETTER], 1) == "2 dead letters: not_utf8 2; the newest 1 are shown, --limit shows more"
