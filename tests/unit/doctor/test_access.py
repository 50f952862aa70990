"""What is found in access keys."""

from __future__ import annotations

import pytest

from tokentide.doctor.judging.access import Key, judge_access

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000


def a_key(name="k", role="read", org="o", projects=(), days=None):
    """A key that ends in so many days, or never."""
    return Key(name, role, org, frozenset(projects), None if days is None else NOW_MS + round(days * DAY_MS))


def told(*keys, projects=None):
    return [(finding.kind.name, finding.where) for finding in judge_access(keys, projects or {}, NOW_MS)]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (None, []),
        (14.1, []),
        (14, [("key_expires_soon", "key k")]),
        (0.001, [("key_expires_soon", "key k")]),
        (0, [("key_expired", "key k")]),
        (-100, [("key_expired", "key k")]),
    ],
)
def test_a_key_s_end(days, expected):
    """Two weeks before it comes it is a problem; afterwards it is advice."""
    assert told(a_key(days=days)) == expected


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        (a_key("old", days=1), a_key("new"), True),
        (a_key("old", days=-1), a_key("new", days=100), True),
        (a_key("old", days=1), a_key("new", days=100, projects=["p"]), False),
        (a_key("old", days=1, projects=["p"]), a_key("new"), True),
        (a_key("old", days=1, projects=["p"]), a_key("new", projects=["p", "q"]), True),
        (a_key("old", days=1, projects=["p", "r"]), a_key("new", projects=["p", "q"]), False),
        (a_key("old", days=1), a_key("new", org="other"), False),
        (a_key("old", "ingest", projects=["p"], days=1), a_key("new", "read"), False),
        (a_key("old", "ingest", projects=["p"], days=1), a_key("new", "ingest", projects=["p"]), True),
        (a_key("old", "ingest", projects=["p"], days=1), a_key("new", "ingest", projects=["q"]), False),
    ],
)
def test_a_key_that_was_replaced(old, new, replaced):
    """When another one that lasts opens all that it opened, its end is as it should be."""
    assert ("key old" in [where for _, where in told(old, new)]) is not replaced


def test_two_keys_that_end_together():
    """Neither replaces the other."""
    assert told(a_key("a", days=1), a_key("b", days=2)) == [
        ("key_expires_soon", "key a"),
        ("key_expires_soon", "key b"),
    ]


def test_organisations_that_cannot_read():
    """An organisation with projects wants a read key that is good now."""
    keys = [a_key("1", org="good"), a_key("2", "ingest", org="sends", projects=["p"]), a_key("3", org="late", days=-1)]
    projects = {"good": ["a"], "sends": ["p"], "late": ["q"], "none": ["r"]}
    without = [where for kind, where in told(*keys, projects=projects) if kind == "org_without_read_key"]
    assert without == ["organisation late", "organisation none", "organisation sends"]


def test_the_command_makes_the_same_again():
    """Role, organisation and projects are those of the key that ends."""
    [finding] = judge_access([a_key("k", "ingest", projects=["p"], days=1)], {}, NOW_MS)
    assert finding.command == "tokentide keys create --role ingest --org o --project p"
    assert finding.what == "the ingest key of o (p): 2027-01-16 08:00 UTC"
