"""The page about the metrics query: its examples are queries."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tokentide.api.truefoundry.reading import read_query
from tokentide.api.truefoundry.routes import PATH

PAGE = Path(__file__).parents[4].joinpath("docs", "truefoundry.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"--data '(.*?)'", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_query(example):
    """Whatever is shown to be pasted is a valid body for the endpoint."""
    assert read_query(json.loads(example)).datasource.name in example


def test_every_example_is_sent_to_the_endpoint():
    """Each body stands in a command with the endpoint's path."""
    assert len(EXAMPLES) >= 5
    assert PAGE.count(f"http://127.0.0.1:8420{PATH} ") == len(EXAMPLES)
