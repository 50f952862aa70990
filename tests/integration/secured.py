"""Kafka and ClickHouse as they are in earnest: behind TLS, with users, passwords and rights, on this machine."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from cryptography.hazmat.primitives import serialization

from tests.store_fixtures import Cable, front
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.jars import cache_folder, kafka_jars
from tokentide.embedded.java import find_java
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running

KAFKA_FILES = Path(__file__).parents[2] / "deploy/kafka"
USERS = ("worker", "api", "migrate", "operator")
PASSWORD = "hush-hush"
STORE_USER = "tide"
_RESOURCES = {"topic": 2, "group": 3}
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
Right = tuple[str, str, str, str]
"""A user, the kind of a resource, its name, and an operation."""


@dataclass
class Secured:
    """Where everything is: addresses of Kafka's listeners by protocol, the store's, and the authorities' file."""

    folder: DataFolder
    authorities: Path
    listeners: dict[str, str]
    store: str

    def environment(self, user: str, **others: str) -> dict[str, str]:
        """What a user of Kafka sets; `others` are settings without their prefix, in small letters."""
        named = {
            "kafka": self.listeners["SASL_SSL"],
            "kafka_security_protocol": "SASL_SSL",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": f"tokentide_{user}",
            "kafka_sasl_password": PASSWORD,
            "kafka_tls_ca": str(self.authorities),
            "clickhouse": self.store,
            "clickhouse_tls_ca": str(self.authorities),
            "flush_interval_seconds": "0.5",
            "metrics_port": "0",
            "api_port": "0",
        }
        return {f"TOKENTIDE_{name.upper()}": value for name, value in (named | others).items()}


@contextmanager
def secured(place: Path) -> Iterator[Secured]:
    """Both servers, with the users and rights of `deploy/kafka`, and a certificate made out to 127.0.0.1."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    authorities = place / "authorities.pem"
    authority.cert_pem.write_to_path(authorities)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    with DataFolder(place / "data") as folder:
        ports = folder.ports(["store", "sasl_ssl", "ssl", "sasl_plaintext"])
        kafka = prepare_kafka(folder, extra_properties=_listeners(folder, _key_store(place, certificate)))
        with running(kafka.parts), front(place / "store", ports["store"], f"{STORE_USER}:{PASSWORD}"):
            listeners = {name.upper(): f"127.0.0.1:{port}" for name, port in ports.items() if name != "store"}
            _make_users(place, kafka.bootstrap)
            asyncio.run(_allow(kafka.bootstrap, rights_of_strimzi()))
            cable = Cable(ports["store"], tls=context)
            yield Secured(folder, authorities, listeners, f"https://{STORE_USER}:{PASSWORD}@127.0.0.1:{cable.port}")
            cable.close()


def rights_of_strimzi() -> set[Right]:
    """What strimzi.yaml lets each user do; its names have dashes, for Kubernetes."""
    documents = yaml.safe_load_all((KAFKA_FILES / "strimzi.yaml").read_text(encoding="utf-8"))
    return {
        (user["metadata"]["name"].replace("-", "_"), rule["resource"]["type"], rule["resource"]["name"], operation)
        for user in documents
        if user["kind"] == "KafkaUser"
        for rule in user["spec"]["authorization"]["acls"]
        for operation in rule["operations"]
    }


def run_script(name: str, folder: Path, tools: dict[str, str], **variables: str) -> list[list[str]]:
    """Run a script of `deploy/kafka` with programs of our own in place of Kafka's; what they were called with."""
    programs, calls = folder / "programs", folder / "calls"
    programs.mkdir(exist_ok=True)
    for tool, body in tools.items():
        program = programs / tool
        program.write_text(f'#!/bin/sh\nprintf "%s\\0" {tool} "$@" "" >>"{calls}"\n{body}\n', encoding="utf-8")
        program.chmod(0o755)
    calls.write_bytes(b"")
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    script = [str(KAFKA_FILES / name)]
    done = subprocess.run(script, env=os.environ | path | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [call.decode().split("\0") for call in calls.read_bytes().removesuffix(b"\0\0").split(b"\0\0")]


def _make_users(place: Path, bootstrap: str) -> None:
    classes = ":".join(str(jar) for jar in kafka_jars(cache_folder(os.environ)))
    java = f'exec "{find_java(os.environ)}" -XX:TieredStopAtLevel=1 -cp "{classes}" kafka.admin.ConfigCommand "$@"'
    passwords = {f"{user.upper()}_PASSWORD": PASSWORD for user in USERS}
    run_script("users.sh", place, {"kafka-configs.sh": java, "kafka-acls.sh": ""}, BOOTSTRAP=bootstrap, **passwords)


async def _allow(bootstrap: str, rights: set[Right]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        for user, kind, name, operation in sorted(rights):
            request = CreateAclsRequest(
                _RESOURCES[kind], name, 3, f"User:{user}", "*", _OPERATIONS[operation], permission_type=3
            )
            answer = await admin._send_to_controller(request)
            assert [code for code, _ in answer.creation_responses] == [0]
    finally:
        await admin.close()


def _listeners(folder: DataFolder, key_store: Path) -> dict[str, str]:
    """Beside the broker's own plain listeners, whose nameless user may do everything, one for each secure protocol."""
    plain = folder.ports([f"kafka-1-{name}" for name in ("client", "internal", "controller")])
    secure = folder.ports(["sasl_ssl", "ssl", "sasl_plaintext"])
    names = {"CLIENT": "client", "INTERNAL": "internal", "CONTROLLER": "controller"}
    places = {name: plain[f"kafka-1-{short}"] for name, short in names.items()}
    places |= {f"THE_{name.upper()}": port for name, port in secure.items()}
    listeners = {name: f"{name}://127.0.0.1:{port}" for name, port in places.items()}
    protocols = [f"{name}:{name.removeprefix('THE_') if name.startswith('THE_') else 'PLAINTEXT'}" for name in places]
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "listeners": ",".join(listeners.values()),
        "advertised.listeners": ",".join(text for name, text in listeners.items() if name != "CONTROLLER"),
        "listener.security.protocol.map": ",".join(protocols),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(key_store),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.the_sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.the_sasl_plaintext.scram-sha-512.sasl.jaas.config": scram,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }


def _key_store(place: Path, certificate: trustme.LeafCert) -> Path:
    """Key and certificates in one file, the key in the one form that Java reads."""
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = place / "broker.pem"
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()) + chain)
    return file


def tokentide(*arguments: str, env: dict[str, str], **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing of TOKENTIDE_ but what is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOKENTIDE_")}
    command = [sys.executable, "-m", "tokentide", *arguments]
    return subprocess.run(command, env=clean | env, capture_output=True, text=True, timeout=100, check=False, **options)  # type: ignore[call-overload,no-any-return]
