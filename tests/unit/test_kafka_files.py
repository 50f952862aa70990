"""Do the files for Kafka's operators make what the code makes, and allow what the programs ask for?

The scripts are run with programs of our own in place of Kafka's, which write down what they are called with. That the
rights are enough, and the passwords good, is shown on a real broker (tests/integration/test_secured.py).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from tests.integration.secured import KAFKA_FILES, Right, rights_of_strimzi, run_script
from tokentide.kafka import topic_configurations
from tokentide.settings import Settings

PARTITIONS, REPLICATION = 12, 3


def options(call: list[str], name: str) -> list[str]:
    """The values of an option, in order."""
    return [value for option, value in pairwise(call) if option == f"--{name}"]


def test_topics_are_made_as_the_code_makes_them(tmp_path: Path) -> None:
    """topics.sh sets up both topics as `tokentide migrate --replication 3` does."""
    calls = run_script("topics.sh", tmp_path, {"kafka-topics.sh": ""}, BOOTSTRAP="kafka:9092")
    made = {
        options(call, "topic")[0]: dict(setting.split("=", 1) for setting in options(call, "config")) for call in calls
    }
    assert made == topic_configurations(Settings(), REPLICATION)
    for call in calls:
        assert (options(call, "partitions"), options(call, "replication-factor")) == ([f"{PARTITIONS}"], ["3"])


def test_strimzi_makes_the_same_topics() -> None:
    """The custom resources say the same."""
    documents = yaml.safe_load_all((KAFKA_FILES / "strimzi.yaml").read_text(encoding="utf-8"))
    topics = {topic["metadata"]["name"]: topic["spec"] for topic in documents if topic["kind"] == "KafkaTopic"}
    assert {name: {key: text(value) for key, value in spec["config"].items()} for name, spec in topics.items()} == (
        topic_configurations(Settings(), REPLICATION)
    )
    assert {(spec["partitions"], spec["replicas"]) for spec in topics.values()} == {(PARTITIONS, REPLICATION)}


def text(value: Any) -> str:
    """A value as Kafka writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_users_get_the_same_rights_both_ways(tmp_path: Path) -> None:
    """users.sh allows what the custom resources allow, and nothing else."""
    passwords = {f"{user}_PASSWORD": "" for user in ("WORKER", "API", "MIGRATE", "OPERATOR")}
    tools = {"kafka-acls.sh": "", "kafka-configs.sh": "exit 1"}
    rights: set[Right] = set()
    for call in run_script("users.sh", tmp_path, tools, BOOTSTRAP="kafka:9092", **passwords):
        (principal,) = options(call, "allow-principal")
        ((kind, name),) = [(kind, name) for kind in ("topic", "group") for name in options(call, kind)]
        rights |= {(principal.removeprefix("User:"), kind, name, each) for each in options(call, "operation")}
    assert rights == rights_of_strimzi()


def test_passwords_stay_out_of_command_lines(tmp_path: Path) -> None:
    """Each user's password reaches Kafka by way of a file that is gone afterwards."""
    passwords = {f"{user}_PASSWORD": f"secret-{user}" for user in ("WORKER", "API", "MIGRATE", "OPERATOR")}
    kept = tmp_path / "kept"
    read = f'for last; do :; done; cat "$last" >>"{kept}"'
    tools = {"kafka-acls.sh": "", "kafka-configs.sh": read}
    calls = run_script("users.sh", tmp_path, tools, BOOTSTRAP="kafka:9092", **passwords)
    files = [Path(call[-1]) for call in calls if call[0] == "kafka-configs.sh"]
    assert [line.rpartition("=")[2] for line in kept.read_text().splitlines()] == list(passwords.values())
    assert len(files) == len(passwords)
    assert not [file for file in files if file.exists()]
    assert "secret-" not in str(calls)


def test_scripts_hand_on_the_administrators_settings(tmp_path: Path) -> None:
    """Where the broker asks who we are, each call carries the file that says it."""
    more = {"BOOTSTRAP": "kafka:9093", "COMMAND_CONFIG": "admin.properties", "WORKER_PASSWORD": "w"}
    for script in ("topics.sh", "users.sh"):
        tools = dict.fromkeys(("kafka-topics.sh", "kafka-acls.sh", "kafka-configs.sh"), "")
        for call in run_script(script, tmp_path, tools, **more):
            assert options(call, "bootstrap-server") == ["kafka:9093"]
            assert options(call, "command-config") == ["admin.properties"]
