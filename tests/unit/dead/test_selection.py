"""Which letters are meant, and whose they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.dead.letter import Letter, LetterId, Place
from tokentide.dead.projects import projects_in
from tokentide.dead.selection import Selection


def a_letter(offset, index=0, reason="bad_value", time_ms=1000, projects=("p",)):
    return Letter(LetterId("t", 0, offset, index, time_ms), Place(0, 0), reason, "", 1, cut=False, projects=projects)


LETTERS = [
    a_letter(3, index=1, time_ms=3000),
    a_letter(1, index=None, reason="not_json", time_ms=1000, projects=()),
    a_letter(3, index=0, reason="too_old", time_ms=3000, projects=("q", "p")),
]


@pytest.mark.parametrize(
    ("conditions", "meant"),
    [
        ({}, ["0:1", "0:3:0", "0:3:1"]),
        ({"ids": {"0:3"}}, ["0:3:0", "0:3:1"]),
        ({"ids": {"0:3:1", "0:1"}}, ["0:1", "0:3:1"]),
        ({"ids": {"0:3"}, "reasons": {"too_old"}}, ["0:3:0"]),
        ({"reasons": {"too_old", "not_json"}}, ["0:1", "0:3:0"]),
        ({"projects": {"q"}}, ["0:3:0"]),
        ({"from_ms": 3000}, ["0:3:0", "0:3:1"]),
        ({"to_ms": 3000}, ["0:1"]),
    ],
)
def test_a_letter_is_meant_when_it_suits_every_condition(conditions, meant):
    """In the order of their records; times are half-open."""
    given = {name: frozenset(value) if isinstance(value, set) else value for name, value in conditions.items()}
    assert [str(letter.id) for letter in Selection(**given).of(LETTERS)] == meant


def test_ids_that_no_letter_has_are_named():
    """A typing error must not look like an empty answer."""
    assert Selection(ids=frozenset({"0:3", "0:9:9", "0:3:1"})).unknown(LETTERS) == ["0:9:9"]


@pytest.mark.parametrize(
    ("raw", "projects"),
    [
        (b'{"project_id": "p", "metadata": {"project_id": "x"}}', ("p",)),
        (b'[{"project_id": "p"}, {"project_id": "q"}, {"project_id": "p"}]', ("p", "q")),
        (b'{"project_id": "p"}\n{"project_id": "q"}', ("p", "q")),
        (b'{"project_id": "p"}\n{"project_id": ', ("p",)),
        (b'{"project_id": "a\\u00fcb", \xff', ("a\u00fcb",)),
        (b'{"project_id": 5}', ()),
        (b"\xff\xfe", ()),
        (b"", ()),
    ],
)
def test_projects_are_read_as_far_as_they_can_be(raw, projects):
    """From events first, and from what looks like them where there are none."""
    assert projects_in(raw) == projects


@given(st.binary(max_size=200))
def test_any_bytes_have_some_projects_or_none(raw):
    """Whatever was refused, listing it does not fail."""
    assert all(isinstance(project, str) for project in projects_in(raw))
