"""Would it deploy? What can be known of image and composition without a Docker engine.

The image is not built here and the composition not started: their files are parsed, held against the schemas and
linters of their makers, and against what the code says.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from tokentide.cli import cli
from tokentide.settings import load, unknown_names
from tokentide.worker import probes

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("tokentide:")}


# The composition


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    """A service's environment, with each ${NAME:-default} at its default."""
    settled = {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in service["environment"].items()}
    assert [value for value in settled.values() if "${" in value] == []
    return settled


def test_composition_keeps_to_the_specification() -> None:
    """docker-compose.yml is valid by the Compose specification's own JSON schema."""
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_composition_has_all_parts() -> None:
    """Kafka, ClickHouse, the one-shot migration and the two services; what watches them when it is asked for."""
    core = {"kafka", "clickhouse", "migrate", "worker", "api"}
    assert {name for name, service in SERVICES.items() if "profiles" not in service} == core
    watching = {name: service["profiles"] for name, service in SERVICES.items() if name not in core}
    assert watching == {"prometheus": ["watch"], "grafana": ["watch"]}


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_this_machine_only(name: str) -> None:
    """What has laptop passwords must not be reachable from elsewhere."""
    assert [port for port in SERVICES[name].get("ports", []) if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []


def test_published_ports_do_not_collide() -> None:
    """Each part has a port of its own on the host."""
    ports = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"migrate"}))
def test_what_stays_is_watched_and_started_again(name: str) -> None:
    """A part that is meant to stay has a health check, and comes back when it dies."""
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_parts_wait_for_what_they_need() -> None:
    """The migration waits for healthy servers, the services for the finished migration."""
    waits = {name: {on: how["condition"] for on, how in SERVICES[name]["depends_on"].items()} for name in OURS}
    healthy = {"kafka": "service_healthy", "clickhouse": "service_healthy"}
    migrated = {"migrate": "service_completed_successfully"}
    assert waits == {"migrate": healthy, "worker": migrated, "api": migrated}
    assert SERVICES["migrate"]["restart"] == "no"


@pytest.mark.parametrize("name", SERVICES)
def test_volumes_exist(name: str) -> None:
    """A named volume is declared, a mounted file is there and cannot be written; nothing else is mounted."""
    for volume in SERVICES[name].get("volumes", []):
        source, _, mode = volume.partition(":")[0], *volume.partition(":")[2].partition(":")[::2]
        if source.startswith("./"):
            assert (ROOT / source).exists(), volume
            assert mode == "ro", volume
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version(name: str) -> None:
    """`latest` would be another one tomorrow."""
    assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*|tokentide:local", SERVICES[name]["image"])


def test_servers_are_those_of_the_tests() -> None:
    """The Kafka of `up` and the ClickHouse that the store's contract is held against are the versions composed here."""
    (jars,) = ROOT.glob("src/tokentide/embedded/kafka-*.sha256")
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{jars.stem.removeprefix('kafka-')}"
    tests = "".join(file.read_text(encoding="utf-8") for file in ROOT.glob("tests/contract/*.py"))
    assert set(re.findall(r"clickhouse/clickhouse-server:[\w.-]+", tests)) == {SERVICES["clickhouse"]["image"]}


@pytest.mark.parametrize("name", OURS)
def test_our_services_have_settings_that_hold(name: str) -> None:
    """Each variable is a setting, and all of them together are accepted; the command exists."""
    environment = environment_of(OURS[name])
    assert unknown_names(environment, env_file=None) == []
    settings = load(environment, env_file=None)
    assert (settings.api_port, settings.metrics_port) == (8420, 8421)
    assert OURS[name]["command"][0] in cli.commands


@pytest.mark.parametrize("name", OURS)
def test_our_services_may_do_nothing_but_work(name: str) -> None:
    """A read-only root, no capabilities, no way to new privileges, and one image."""
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["image"] == "tokentide:local"
    assert ("build" in service) == (name == "migrate")


def test_passwords_are_variables() -> None:
    """No secret is written down without a way to set another; the same one reaches the server and its clients."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    secrets = re.findall(r"PASSWORD: (.*)|http://tokentide:(.*)@", text)
    assert {one or other for one, other in secrets} == {
        "${CLICKHOUSE_PASSWORD:-tokentide}",
        "${GRAFANA_PASSWORD:-tokentide}",
    }


# The image


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, each with its words."""
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def test_image_passes_the_linter() -> None:
    """The Dockerfile is as hadolint likes it."""
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_image_gets_what_it_copies() -> None:
    """Every file that the Dockerfile copies is there, and .dockerignore lets it through."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    sources = [
        word
        for name, words in instructions()
        if name == "COPY" and "--from" not in words
        for word in words.split()[:-1]
    ]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if not any(fnmatch.fnmatch(source, pattern) for pattern in allowed)] == []


def test_image_is_one_for_all_commands() -> None:
    """It runs `tokentide COMMAND`, without root, and its packages are held against their hashes."""
    last = dict(instructions())
    assert last["ENTRYPOINT"] == '["tokentide"]'
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last["USER"])
    installs = [
        step
        for name, words in instructions()
        if name == "RUN"
        for step in words.split("&&")
        if " -r" in step or "--requirement" in step
    ]
    assert len(installs) == 2
    assert all("--require-hashes" in step and "--no-deps" in step for step in installs)


async def test_image_knows_whether_it_is_alive() -> None:
    """Its health check is the file that it copies, which tells a worker that answers from a port that is silent."""
    done = dict(instructions())
    assert done["HEALTHCHECK"].endswith('CMD ["python", "/opt/tokentide/healthcheck.py"]')
    runner = await probes.serve("127.0.0.1", 0, CollectorRegistry(), lambda: "not ready, but alive")
    ports = {"TOKENTIDE_METRICS_PORT": str(runner.addresses[0][1]), "TOKENTIDE_API_PORT": "1"}
    assert await exit_code(DEPLOY / "healthcheck.py", ports) == 0
    await runner.cleanup()
    assert await exit_code(DEPLOY / "healthcheck.py", ports) == 1


async def exit_code(program: Path, variables: dict[str, str]) -> int:
    """How a Python program ends."""
    running = await asyncio.create_subprocess_exec(sys.executable, program, env=os.environ | variables)
    return await running.wait()


# Prometheus and Grafana


def test_prometheus_asks_our_services() -> None:
    """Each job is a service of the composition, at the port where it serves its metrics."""
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in config["scrape_configs"]}
    settings = load(environment_of(OURS["worker"]), env_file=None)
    ports = {"worker": settings.metrics_port, "api": settings.api_port}
    assert {name: (job["names"], job["port"]) for name, job in jobs.items()} == {n: ([n], p) for n, p in ports.items()}
    assert config["rule_files"] == ["rules/*.yml"]
    assert "./deploy/prometheus/rules:/etc/prometheus/rules:ro" in SERVICES["prometheus"]["volumes"]


def test_grafana_finds_its_sources_and_dashboards() -> None:
    """Sources are the composition's Prometheus and ClickHouse, only read; dashboards are where it looks for them."""
    provisioning = DEPLOY / "grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (views,) = yaml.safe_load((provisioning / "datasources/clickhouse.yml").read_text(encoding="utf-8"))["datasources"]
    assert (views["jsonData"]["host"], views["jsonData"]["port"]) == ("clickhouse", 8123)
    assert {"setting": "readonly", "value": "2"} in views["jsonData"]["customSettings"]
    environment = SERVICES["grafana"]["environment"]
    assert views["secureJsonData"]["password"].removeprefix("$") in environment
    assert environment["GF_PLUGINS_PREINSTALL_SYNC"] == views["type"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/tokentide.yml").read_text(encoding="utf-8"))["providers"]
    folder = provider["options"]["path"]
    assert f"./deploy/grafana/dashboards:{folder}:ro" in SERVICES["grafana"]["volumes"]
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == folder
    assert (DEPLOY / "grafana/dashboards" / home.name).exists()


# The scripts


def test_ci_can_be_run() -> None:
    """`.ci/run` is executable, and bash can parse it."""
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def test_every_make_target_is_explained() -> None:
    """`make` alone lists each target that people may use."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert sorted(re.findall(r"^([a-z-]+):.*## .", makefile, re.MULTILINE)) == sorted(phony)
