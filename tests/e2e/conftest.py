"""One `up` for all end-to-end tests that do not take it down."""

from __future__ import annotations

import pytest

from tests.e2e.upped import Upped

PROJECTS = ("azure", "shop", "lab", "repair")


@pytest.fixture(scope="session")
def up(tmp_path_factory):
    """A running `up` with every project of the tests; each test file has projects of its own."""
    projects = [argument for project in PROJECTS for argument in ("--project", project)]
    running = Upped(tmp_path_factory.mktemp("up"), "--ephemeral", *projects)
    yield running
    assert running.stop() == 0, running.log()
