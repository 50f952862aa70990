"""The Faust app: how it is configured, and what its agent and hooks hand to the pipeline."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from faust.types.tuples import TP

from tokentide.kafka import kafka_options
from tokentide.settings import Settings
from tokentide.worker import transport
from tokentide.worker.app import build_app, commit_as_member


@pytest.fixture(autouse=True)
def aiokafka_as_it_was(monkeypatch):
    """Building an app changes aiokafka for the whole process."""
    monkeypatch.setattr(transport.fetcher, "PartitionRecords", transport.fetcher.PartitionRecords)


class FakePipeline:
    """Notes what it is given; `error` is what every call ends with."""

    def __init__(self):
        self.calls = []
        self.error = None

    async def consume(self, slice_, generation):
        self._note("consume", slice_, generation)

    async def assigned(self, partitions):
        self._note("assigned", partitions)

    async def revoked(self):
        self._note("revoked")

    def _note(self, *call):
        self.calls.append(call)
        if self.error:
            raise self.error


class Built:
    """An app with its pipeline, and the errors that were to end the process."""

    def __init__(self, **settings):
        self.pipeline, self.errors = FakePipeline(), []
        self.app = build_app(Settings(**settings), self.pipeline, self.errors.append)


@pytest.fixture
async def built():
    return Built()


# ---- the configuration


async def test_a_worker_has_no_name_in_its_group_unless_it_is_given_one(built):
    """An empty name would be a name: two workers that share one drive each other out for ever."""
    assert built.app.conf.consumer_group_instance_id is None
    assert Built(group_instance_id="up-1").app.conf.consumer_group_instance_id == "up-1"


async def test_the_group_and_the_brokers_are_those_of_the_settings():
    """Every address that is listed, in order."""
    conf = Built(kafka="a:1,b:2", group="g").app.conf
    assert conf.id == "g"
    assert [(url.host, url.port) for url in conf.broker_consumer] == [("a", 1), ("b", 2)]
    assert conf.consumer_auto_offset_reset == "earliest"


async def test_nothing_is_served_and_nothing_is_kept_on_disk(built, tmp_path, monkeypatch):
    """Neither Faust's web server, nor its folder for tables, where the working folder may be read-only."""
    monkeypatch.chdir(tmp_path)
    await built.app.on_first_start()
    assert contents(tmp_path) == []
    assert built.app.conf.web_enabled is False
    assert built.app.conf.store.scheme == "memory"
    assert built.app.conf.table_standby_replicas == 0


async def test_faust_tracks_no_offsets(built):
    """It would commit what an agent raised on."""
    (agent,) = built.app.agents.values()
    assert agent.channel.acks is False
    assert list(agent.channel.topics) == ["llm.events"]
    assert agent.concurrency == 1


def contents(folder):
    return list(folder.iterdir())


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"kafka_security_protocol": "SSL"},
        {"kafka_security_protocol": "SASL_PLAINTEXT"},
        {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "SCRAM-SHA-512"},
    ],
)
async def test_the_consumer_logs_in_like_every_other_client(chosen):
    """Faust wants credentials in a form of its own, and makes of it what aiokafka takes."""
    chosen |= {"kafka_sasl_username": "u", "kafka_sasl_password": "p"}
    made = credentials_to_aiokafka_auth(Built(**chosen).app.conf.broker_credentials)
    others = {name: value for name, value in kafka_options(Settings(**chosen)).items() if name != "bootstrap_servers"}
    assert {name for name, value in made.items() if value is not None} == others.keys()
    assert {name: made[name] for name in others.keys() - {"ssl_context"}} == {
        name: value for name, value in others.items() if name != "ssl_context"
    }


# ---- the agent


async def put(built, *slices):
    """Hand slices to the agent as Faust does."""
    (agent,) = built.app.agents.values()
    async with agent.test_context() as tested:
        for slice_ in slices:
            await tested.put(slice_)


async def test_the_agent_hands_slices_over_with_the_generation_of_now(built):
    """The pipeline drops what is of another."""
    built.app.consumer_generation_id = 4
    await put(built, b"a slice", b"another")
    assert built.pipeline.calls == [("consume", b"a slice", 4), ("consume", b"another", 4)]
    assert built.errors == []


async def test_no_error_leaves_the_agent(built):
    """Faust would take the slice for done and go on behind it: the process ends instead."""
    built.pipeline.error = ZeroDivisionError()
    await put(built, b"a slice")
    assert built.errors == [built.pipeline.error]


# ---- the hooks


async def test_an_assignment_loads_the_partitions_of_the_topic(built):
    """And only of that topic."""
    places = {TP("llm.events", 1), TP("llm.events", 3), TP("other", 2)}
    built.app.consumer = SimpleNamespace(assignment=lambda: places)
    await built.app.on_rebalance_complete.send()
    assert built.pipeline.calls == [("assigned", {1, 3})]


async def test_partitions_that_go_and_a_shutdown_are_flushed(built):
    """Faust calls its hook for revoked partitions not when it stops."""
    await built.app.on_partitions_revoked.send({TP("llm.events", 1)})
    await built.app.on_before_shutdown.send()
    assert built.pipeline.calls == [("revoked",), ("revoked",)]


async def test_no_error_leaves_a_hook(built):
    """Faust would go on with half an assignment."""
    built.pipeline.error = ZeroDivisionError()
    built.app.consumer = SimpleNamespace(assignment=set)
    await built.app.on_rebalance_complete.send()
    await built.app.on_partitions_revoked.send(set())
    await built.app.on_before_shutdown.send()
    assert built.errors == [built.pipeline.error] * 3


# ---- commits


@pytest.mark.parametrize("answer", [True, False, None])
async def test_commits_go_through_the_app_s_own_consumer(answer):
    """As a member of the group; what Kafka refuses is no error."""
    asked = []

    async def commit(offsets):
        asked.append(offsets)
        return answer

    app = SimpleNamespace(consumer=SimpleNamespace(_commit_offsets=commit))
    assert await commit_as_member(lambda: app, "t")({0: 5, 2: 7}) is bool(answer)
    assert asked == [{TP("t", 0): 5, TP("t", 2): 7}]
