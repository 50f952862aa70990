"""Says whether the store's contract was held against a real ClickHouse server."""

from __future__ import annotations

import pytest

from tests.store_fixtures import docker_problem


@pytest.mark.docker
def test_a_real_server_was_tried() -> None:
    """Without a Docker engine the contract is held by the embedded engine and its front alone, and that is said."""
    problem = docker_problem()
    if problem is not None:
        pytest.skip(f"NOTHING WAS TESTED AGAINST A REAL ClickHouse SERVER: no Docker engine answers ({problem})")
