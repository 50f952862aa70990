"""Dead letters between the fold and the flush."""

from __future__ import annotations

from tokentide.events import Reason, Refusal, RefusedAt
from tokentide.worker.letters import Letters, rows_of
from tokentide.worker.ports import DeadLetter


def a_refusal(size=10):
    return Refusal(0, Reason.NOT_JSON, "", b"x" * size)


def test_letters_keep_their_order_and_are_taken_once():
    """Each says which record it is from."""
    letters = Letters()
    letters.add(1, [RefusedAt(7, 99, a_refusal(1)), RefusedAt(7, 99, a_refusal(2))])
    letters.add(0, [RefusedAt(3, 98, a_refusal(3))])
    expected = [
        DeadLetter(1, 7, 99, a_refusal(1)),
        DeadLetter(1, 7, 99, a_refusal(2)),
        DeadLetter(0, 3, 98, a_refusal(3)),
    ]
    assert letters.take() == expected
    assert letters.take() == []


def test_a_letter_weighs_as_many_rows_as_take_its_room():
    """A bound in rows bounds the memory also when what is refused is large."""
    letters = Letters()
    letters.add(0, [RefusedAt(0, 0, a_refusal(10)), RefusedAt(0, 0, a_refusal(1_000_000))])
    assert letters.rows == rows_of(letters.take()) == 978
    assert letters.rows == 0
