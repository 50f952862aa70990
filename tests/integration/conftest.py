"""A real Kafka and a real ClickHouse engine for the tests of this folder that need both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.deployment import Deployment, Machine
from tokentide.embedded.clickhouse import prepare_clickhouse
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Kafka and the front over chDB, started once; a test that kills one starts it again."""
    with DataFolder(tmp_path_factory.mktemp("machine")) as folder:
        kafka, store = prepare_kafka(folder), prepare_clickhouse(folder)
        with running([*kafka.parts, store.part]) as children:
            yield Machine(folder, kafka.bootstrap, store, children)


@pytest.fixture
def deployment(machine: Machine, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Topics and tables of the test's own, and the workers that it starts on them."""
    name = "".join(character if character.isalnum() else "_" for character in request.node.name)[:60]
    with Deployment(machine, name) as made:
        yield made
