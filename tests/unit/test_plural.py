"""One is one, and many are many."""

from __future__ import annotations

import pytest

from tokentide.plural import counted


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 letters"), (1, "1 letter"), (2, "2 letters"), (1200, "1,200 letters")],
)
def test_counted(number, said):
    """The noun agrees with the number."""
    assert counted(number, "letter") == said
