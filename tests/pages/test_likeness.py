"""What may differ between a page and what was printed, and what may not."""

from __future__ import annotations

import pytest

from tests.pages.likeness import likened

UUID, OTHER_UUID = "550e8400-e29b-41d4-a716-446655440020", "0b1c2d3e-0000-4000-8000-000000000001"
KEY, OTHER_KEY = f"als_{'a' * 43}", f"als_{'Z-_9' * 11}"


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("accepted 1", "accepted 1\n"),
        ("Calls   Cost\n    1  $0.1", "Calls Cost\n1   $0.1   \n"),
        ("at 2026-11-28T14:31:07Z", "at 2031-01-02T00:00:00Z"),
        ("at 2026-11-28T14:31:07.512Z", "at 2031-01-02T00:00:00.001Z"),
        ("2026-11-28 14:31:07", "2031-01-02 00:00:00"),
        ("2026-11-28 14:31Z", "2031-01-02 00:00Z"),
        ("on 2026-11-28, at 14:31:07", "on 2031-01-02, at 00:00:00"),
        (f"id {UUID}", f"id {OTHER_UUID}"),
        (f"key {KEY}", f"key {OTHER_KEY}"),
        ("key als_…", f"key {OTHER_KEY}"),
        ("http://127.0.0.1:8420/docs", "http://127.0.0.1:30004/docs"),
        ('{"a": 1, "b": [2, 3]}', '{"a":1,"b":[2,3]}'),
        ('{\n  "a": "x  y"\n}', '{"a":"x  y"}'),
        ('{"forecast": …, "rate": 0.25}', '{"forecast":0.2408,"rate":0.25}'),
        ("first\n…\nlast", "first\nlast"),
        ("first\n…\nlast", "first\nsecond\nthird\nlast"),
        ("…\nlast", "first\nlast"),
        ("…", "anything\nat all"),
        ("costs $1.50 (now)", "costs $1.50 (now)"),
    ],
)
def test_alike(shown, printed):
    """What another run on another day must change makes no difference."""
    assert likened(shown, printed) is not None


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("accepted 1", "accepted 2"),
        ("accepted 1", "accepted 1 of 2"),
        ("accepted 1", "accepted 1\nand more"),
        ("first\nlast", "first\nsecond\nlast"),
        ("first\n…\nlast", "first\nsecond"),
        ("a…c", "a\nb\nc"),
        ("at 2026-11-28T14:31:07Z", "at 2026-11-28T14:31:07.000Z"),
        ("on 2026-11-28", "on 28 November"),
        (f"id {UUID}", "id 7"),
        (f"key {KEY}", "key tti"),
        ("127.0.0.1:8420", "10.0.0.1:8420"),
        ('{"a": 1}', '{"a":1.0}'),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
        ('{"a": "x y"}', '{"a":"xy"}'),
        ("costs $1.50", "costs $1050"),
        ("(a|b)", "a"),
    ],
)
def test_not_alike(shown, printed):
    """Every other difference is one, so that the pages' test can fail."""
    assert likened(shown, printed) is None


def test_names_are_learnt():
    """An id, a UUID, a key and a letter that a page shows mean those that were printed; the first time counts."""
    shown = f"id 4be0643f1d98573b {UUID} {KEY} letter 3:1204:0, again 4be0643f1d98573b"
    printed = f"id 00000000000000aa {OTHER_UUID} {OTHER_KEY} letter 0:7:1, again 00000000000000bb"
    assert likened(shown, printed) == {
        "4be0643f1d98573b": "00000000000000aa",
        UUID: OTHER_UUID,
        KEY: OTHER_KEY,
        "3:1204:0": "0:7:1",
    }
