"""Machines for the laws of delivery: everything real, and everything to be spoilt."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.machine import WiredMachine, wired_machine


@pytest.fixture(scope="session")
def one_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WiredMachine]:
    """One broker, one ClickHouse."""
    with wired_machine(tmp_path_factory.mktemp("one"), brokers=1) as machine:
        yield machine


@pytest.fixture(scope="session")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WiredMachine]:
    """Three brokers, of which two must have a record before it is acknowledged, and one ClickHouse."""
    with wired_machine(tmp_path_factory.mktemp("three"), brokers=3) as machine:
        yield machine
