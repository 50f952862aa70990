"""Do the pages tell the truth? Each command that they show is run, and what it prints is held against the page."""

from __future__ import annotations

import pytest

from tests.pages.blocks import PAGES
from tests.pages.playing import played


@pytest.mark.timeout(600)  # the first one brings everything up, and waits when it is nearly midnight
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(page, running, environments, tmp_path):
    """Every command works, in the order of the page, and prints what the page shows."""
    problems = played(page, running, tmp_path, environments[page])
    assert not problems, "\n\n".join(["not as the page says:", *problems])
