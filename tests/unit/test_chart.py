"""Would it run on Kubernetes? The chart, rendered by Helm's own library and held against Kubernetes' own schemas.

No cluster is needed: manifests are rendered for several sets of values, each is valid by the API's schema, and what
they name (settings, commands, ports, paths, secrets, labels) exists in the code or in the other manifests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import httpx
import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject, TriggerAuthentication
from cloudcoil.models.prometheus_operator.v1 import PrometheusRule, ServiceMonitor
from prometheus_client import CollectorRegistry

from tests.unit.api.fakes import FakeStore
from tokentide import __version__
from tokentide.cli import cli
from tokentide.serving.app import create_app
from tokentide.settings import Settings, load, unknown_names
from tokentide.worker import probes
from tokentide.worker.run import _LINGER_SECONDS, _STOP_SECONDS

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/tokentide"
OLDEST, NEWEST = "1.27", "1.37"
CUSTOM = {
    "PrometheusRule": PrometheusRule,
    "ScaledObject": ScaledObject,
    "ServiceMonitor": ServiceMonitor,
    "TriggerAuthentication": TriggerAuthentication,
}
SECURE = {
    "kafka": {
        "bootstrapServers": "a.kafka:9093,b.kafka:9093",
        "securityProtocol": "SASL_SSL",
        "tlsCa": {"secret": "kafka-cluster-ca"},
    },
    "clickhouse": {"cluster": "main", "tlsCa": {"configMap": "clickhouse-ca", "key": "root.pem"}},
    "secrets": {"worker": "w", "api": "a", "migrate": "m", "jwt": True, "rateLimits": True},
}
EVERYTHING = SECURE | {
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "settings": {"TOKENTIDE_ROLLUP_RETENTION_DAYS": 800, "TOKENTIDE_TOPIC": "calls"},
    "worker": {"keda": {"enabled": True}, "annotations": {"a": "b"}, "nodeSelector": {"kubernetes.io/arch": "amd64"}},
    "api": {
        "settings": {"TOKENTIDE_CORS_ORIGINS": "https://a.example"},
        "ingress": {"enabled": True, "className": "nginx", "host": "usage.example", "tlsSecret": "usage-tls"},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "priorityClassName": "high",
    },
    "networkPolicy": {
        "apiFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
        "kafka": {"to": [{"podSelector": {"matchLabels": {"app": "kafka"}}}]},
        "extraEgress": [{"ports": [{"protocol": "TCP", "port": 443}]}],
    },
    "monitoring": {
        "labels": {"release": "prometheus"},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
    },
}
BARE = {
    "serviceAccount": {"create": False},
    "networkPolicy": {"enabled": False},
    "migrate": {"enabled": False},
    "api": {"autoscaling": {"enabled": False}, "drainSeconds": 0},
    "fullnameOverride": "usage",
    "kafka": {"securityProtocol": "SSL", "tlsCa": {"configMap": "ca"}},
    "worker": {"keda": {"enabled": True}},
}
VALUES: dict[str, dict[str, Any]] = {"default": {}, "secure": SECURE, "everything": EVERYTHING, "bare": BARE}
Manifest = dict[str, Any]


def rendered(values: dict[str, Any]) -> list[Manifest]:
    """All manifests that the chart makes of the values; refused values raise."""
    return _rendered(json.dumps(values))


@cache
def _rendered(values: str) -> list[Manifest]:
    with helm_python.Chart.load(str(CHART)) as chart:
        files = chart.render(json.loads(values), name="demo", namespace="prod")
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


@pytest.fixture(scope="module", params=VALUES)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """The manifests of one set of values."""
    return rendered(VALUES[request.param])


def only(manifests: list[Manifest], kind: str, component: str = "") -> Manifest:
    """The one manifest of a kind, of a component."""
    (found,) = [m for m in of_kind(manifests, kind) if m["metadata"]["name"].endswith(component)]
    return found


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """The manifests of a kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def pods(manifests: list[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """The pod templates with the manifests that hold them."""
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "StatefulSet", "Job"}:
            yield manifest, manifest["spec"]["template"]


def containers(manifests: list[Manifest]) -> Iterator[Manifest]:
    """The one container of each pod template."""
    for _, template in pods(manifests):
        (container,) = template["spec"]["containers"]
        yield container


def environment_of(container: Manifest) -> dict[str, str]:
    """Its variables; one that comes from elsewhere has a text of its kind."""
    stand_ins = {"TOKENTIDE_CLICKHOUSE": "https://user:password@clickhouse:8443"}
    return {one["name"]: one.get("value", stand_ins.get(one["name"], "from elsewhere")) for one in container["env"]}


def test_chart_passes_helms_linter() -> None:
    """`helm lint` finds nothing to say but that there is no picture."""
    report = helm_python.lint(str(CHART))
    assert report["errors"] == []
    assert [found["error"] for found in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_manifests_are_valid(manifests: list[Manifest], version: str) -> None:
    """Each is valid by Kubernetes' schema: the oldest promised version and a new one; unknown keys are found too."""
    for manifest in manifests:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_custom_resources_are_valid(manifests: list[Manifest]) -> None:
    """Those of KEDA and of the Prometheus operator are valid by their definitions, which know every key."""
    for manifest in manifests:
        if manifest["kind"] in CUSTOM:
            read = CUSTOM[manifest["kind"]].model_validate(manifest)
            assert json.loads(read.model_dump_json(by_alias=True, exclude_unset=True)) == manifest


def test_the_set_with_everything_has_every_kind() -> None:
    """Else the tests above would prove less than they say."""
    kinds = {manifest["kind"] for manifest in rendered(EVERYTHING)}
    more = {"ConfigMap", "Ingress", "Job", "NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount"}
    rules = {"PrometheusRule"} if list((ROOT / "deploy/prometheus/rules").glob("*.yml")) else set()
    assert (
        kinds
        == more | {"Deployment", "HorizontalPodAutoscaler", "StatefulSet"} | CUSTOM.keys() - {"PrometheusRule"} | rules
    )


def test_containers_have_settings_that_hold(manifests: list[Manifest]) -> None:
    """Each variable is a setting, all of them together are accepted, and no container has one twice."""
    for container in containers(manifests):
        environment = environment_of(container)
        assert len(environment) == len(container["env"])
        assert unknown_names(environment, env_file=None) == []
        load(environment, env_file=None)
        assert container["args"][0] in cli.commands
        assert container["name"] == container["args"][0]


def test_migration_has_options_that_exist() -> None:
    """It makes topics as large as the values say."""
    (container,) = only(rendered({}), "Job")["spec"]["template"]["spec"]["containers"]
    options = {option for parameter in cli.commands["migrate"].params for option in parameter.opts}
    assert {argument.partition("=")[0] for argument in container["args"][1:]} <= options
    assert container["args"][1:] == ["--partitions=12", "--replication=3"]


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_secrets_stay_secrets(values: dict[str, Any]) -> None:
    """What holds a password comes by reference, from the component's own secret."""
    names = values.get(
        "secrets", {"worker": "tokentide-worker", "api": "tokentide-api", "migrate": "tokentide-migrate"}
    )
    for container in containers(rendered(values)):
        secret = {
            one["name"]: one["valueFrom"]["secretKeyRef"]
            for one in container["env"]
            if "secretKeyRef" in one.get("valueFrom", {})
        }
        held = {f"TOKENTIDE_{name.upper()}" for name, field in Settings.model_fields.items() if "Secret" in str(field)}
        assert held & {one["name"] for one in container["env"]} <= secret.keys()
        assert {reference["name"] for reference in secret.values()} == {names[container["name"]]}


def test_only_the_api_gets_what_only_it_needs() -> None:
    """The secret of sessions and the place of shared limits reach no other component."""
    for container in containers(rendered(EVERYTHING)):
        wanted = {"TOKENTIDE_JWT_SECRET", "TOKENTIDE_RATE_LIMITS"} if container["name"] == "api" else set()
        assert environment_of(container).keys() & {"TOKENTIDE_JWT_SECRET", "TOKENTIDE_RATE_LIMITS"} == wanted


def test_containers_may_do_nothing_but_work(manifests: list[Manifest]) -> None:
    """Not root, a read-only root, no capabilities, no new privileges, the runtime's seccomp profile, no token."""
    for _, template in pods(manifests):
        pod, (container,) = template["spec"], template["spec"]["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_containers_ask_for_what_they_need(manifests: list[Manifest]) -> None:
    """Processor and memory are asked for, memory has a limit, and there is time to end."""
    for _, template in pods(manifests):
        (container,) = template["spec"]["containers"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]
        assert template["spec"]["terminationGracePeriodSeconds"] >= 30


def test_worker_ends_by_itself_before_it_is_killed() -> None:
    """Kubernetes waits longer than the worker needs at most to flush, to leave its group and to end."""
    pod = only(rendered({}), "StatefulSet")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > _STOP_SECONDS + _LINGER_SECONDS


def test_worker_has_a_name_in_its_group() -> None:
    """Each pod is a static member under its own name, which it keeps when it is started again."""
    (container,) = only(rendered({}), "StatefulSet")["spec"]["template"]["spec"]["containers"]
    (name,) = [one for one in container["env"] if one["name"] == "TOKENTIDE_GROUP_INSTANCE_ID"]
    assert name["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


async def test_probes_ask_for_paths_that_exist() -> None:
    """Worker and API answer on every path that is asked of them, and on that of their metrics."""
    runner = await probes.serve("127.0.0.1", 0, CollectorRegistry(), lambda: None)
    worker = httpx.AsyncClient(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    api = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(Settings(), FakeStore())), base_url="http://api")
    async with worker, api:
        for container in containers(rendered(EVERYTHING)):
            asked = {container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
            client = {"worker": worker, "api": api}.get(container["name"])
            for path in asked | {"/metrics"} if client else asked:
                assert client
                assert (await client.get(path)).status_code in {200, 503}
    await runner.cleanup()


def test_a_dead_process_is_found_and_a_loading_one_left_alone(manifests: list[Manifest]) -> None:
    """Liveness never asks for the store, readiness does, and a worker has ten minutes until it must say it is alive."""
    for container in containers(manifests):
        if container["name"] != "migrate":
            asked = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
            assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
            ports = {port["name"] for port in container["ports"]}
            assert {container[name]["httpGet"]["port"] for name in asked} <= ports
        if container["name"] == "worker":
            assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 600


def test_ports_are_those_of_the_settings(manifests: list[Manifest]) -> None:
    """A container listens where its port is declared, on all addresses of the pod."""
    for container in containers(manifests):
        settings = load(environment_of(container), env_file=None)
        ports = [port["containerPort"] for port in container.get("ports", [])]
        if container["name"] == "worker":
            assert ([settings.metrics_port], settings.metrics_host) == (ports, "0.0.0.0")
        if container["name"] == "api":
            assert ([settings.api_port], settings.api_host) == (ports, "0.0.0.0")


def test_files_that_settings_name_are_mounted(manifests: list[Manifest]) -> None:
    """A certificate authority's file lies in a volume that the pod has, under the key that it mounts."""
    for _, template in pods(manifests):
        (container,) = template["spec"]["containers"]
        volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        for name, value in environment_of(container).items():
            if name.endswith("_TLS_CA"):
                folder, _, file = value.rpartition("/")
                source = mounts[folder].get("secret") or mounts[folder]["configMap"]
                assert [item["path"] for item in source["items"]] == [file]


def test_selectors_find_their_pods(manifests: list[Manifest]) -> None:
    """Services, budgets, policies, spreads and monitors select the pods of one component, and nothing else."""
    labels = {
        template["metadata"]["labels"]["app.kubernetes.io/component"]: template["metadata"]["labels"]
        for _, template in pods(manifests)
    }
    for manifest in manifests:
        spec, name = manifest.get("spec", {}), manifest["metadata"]["name"]
        selector = spec.get("podSelector") or spec.get("selector")
        if not selector:
            continue
        wanted = selector.get("matchLabels", selector)
        component = name.rpartition("-")[2]
        if manifest["kind"] == "NetworkPolicy" and component not in labels:
            continue  # the migration's, while it is turned off
        assert [each for each, own in labels.items() if wanted.items() <= own.items()] == [component]


def test_scaling_has_a_target_that_exists(manifests: list[Manifest]) -> None:
    """Who scales a component owns the number of its pods: the manifest has none then."""
    targets = {(m["kind"], m["metadata"]["name"]): m for m, _ in pods(manifests)}
    scaled = [
        m["spec"]["scaleTargetRef"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for m in of_kind(manifests, kind)
    ]
    named = {(target["kind"], target["name"]) for target in scaled}
    assert named <= targets.keys()
    for place, manifest in targets.items():
        if manifest["kind"] != "Job":
            assert ("replicas" in manifest["spec"]) == (place not in named)


def test_lag_is_asked_of_the_group_that_commits() -> None:
    """KEDA looks at the workers' topic and group, with their user and their authorities, over TLS."""
    manifests = rendered(EVERYTHING)
    (trigger,) = only(manifests, "ScaledObject")["spec"]["triggers"]
    settings = load(environment_of(next(c for c in containers(manifests) if c["name"] == "worker")), env_file=None)
    asked = trigger["metadata"]
    assert (asked["topic"], asked["consumerGroup"], asked["bootstrapServers"]) == (
        "calls",
        settings.group,
        settings.kafka,
    )
    assert (asked["sasl"], asked["tls"]) == ("scram_sha512", "enable")
    authentication = only(manifests, "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    assert [(one["parameter"], one["name"], one["key"]) for one in authentication["spec"]["secretTargetRef"]] == [
        ("username", "w", "kafka-username"),
        ("password", "w", "kafka-password"),
        ("ca", "kafka-cluster-ca", "ca.crt"),
    ]


def test_migration_needs_nothing_of_the_release() -> None:
    """It runs before the release's objects are there: no account, no map and no other file of theirs."""
    manifests = rendered(EVERYTHING)
    job = only(manifests, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = job["spec"]["template"]["spec"]
    made = {manifest["metadata"]["name"] for manifest in manifests}
    used = {pod["serviceAccountName"], *(str(volume) for volume in pod["volumes"])}
    assert not [name for name in made if any(name == use or f"'{name}'" in use for use in used)]


def test_policies_let_through_what_is_needed() -> None:
    """Every component may reach Kafka, ClickHouse and the names' servers; only the API may reach more."""
    for policy in of_kind(rendered(EVERYTHING), "NetworkPolicy"):
        out = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
        assert out == [53, 53, 9092, 9093, 8123, 8443] + [443] * policy["metadata"]["name"].endswith("-api")
        ways_in = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
        assert (
            ways_in
            == {"api": ["http"], "worker": ["metrics"], "migrate": []}[policy["metadata"]["name"].rpartition("-")[2]]
        )


def test_rules_and_dashboards_are_the_projects_own() -> None:
    """Each file of rules is one PrometheusRule, and each dashboard a key, as they stand in the project."""
    manifests = rendered(EVERYTHING)
    wanted = [
        yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(ROOT.glob("deploy/prometheus/rules/*.yml"))
    ]
    assert [manifest["spec"] for manifest in of_kind(manifests, "PrometheusRule")] == wanted
    dashboards = {file.name: file.read_text(encoding="utf-8") for file in ROOT.glob("deploy/grafana/dashboards/*.json")}
    assert dashboards
    assert only(manifests, "ConfigMap")["data"] == dashboards


def test_jobs_have_the_names_that_dashboards_ask_for() -> None:
    """The monitors call the jobs as the composition's Prometheus does."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    jobs = {job["job_name"] for job in config["scrape_configs"] if "dns_sd_configs" in job}
    monitors = of_kind(rendered(EVERYTHING), "ServiceMonitor")
    assert {m["spec"]["endpoints"][0]["relabelings"][0]["replacement"] for m in monitors} == jobs


@pytest.mark.parametrize(
    "wrong",
    [
        {"worker": {"terminationGracePeriodSeconds": 10}},
        {"worker": {"replicas": "two"}},
        {"workers": {"replicas": 2}},
        {"settings": {"TOKENTIDE_CLICKHOUSE": "http://user:password@clickhouse:8123"}},
        {"api": {"settings": {"TOKENTIDE_JWT_SECRET": "secret"}}},
        {"settings": {"LOG_LEVEL": "DEBUG"}},
        {"kafka": {"securityProtocol": "TLS"}},
        {"kafka": {"bootstrapServers": "kafka"}},
        {"clickhouse": {"database": "a-b"}},
        {"image": {"digest": "latest"}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    """values.schema.json refuses what could not work, and secrets among the values."""
    with helm_python.Chart.load(str(CHART)) as chart, pytest.raises(helm_python.HelmError):
        chart.validate_schema(chart.merge_values(wrong))


def test_every_value_is_known_to_the_schema() -> None:
    """The defaults hold, and have every key that the schema describes."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    with helm_python.Chart.load(str(CHART)) as chart:
        chart.validate_schema(defaults)

    def keys(schema_part: Manifest, path: str = "") -> Iterator[str]:
        for name, part in schema_part.get("properties", {}).items():
            yield f"{path}{name}"
            yield from keys(part, f"{path}{name}.")

    def has(path: str) -> bool:
        place: Any = defaults
        for step in path.split("."):
            if not isinstance(place, dict) or step not in place:
                return False
            place = place[step]
        return True

    assert [path for path in keys(schema) if path != "global" and not has(path)] == []


def test_chart_names_this_version() -> None:
    """The image that the chart starts is that of the code beside it."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == __version__


def test_readme_explains_every_group_of_values() -> None:
    """The chart's README has a row for each value that stands at the top, and names no value that does not exist."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    rows = [
        line.split("`")[1]
        for line in (CHART / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert {row.partition(".")[0] for row in rows} >= defaults.keys()
    for row in rows:
        place: Any = defaults
        for step in row.split("."):
            assert step in place, row
            place = place[step]
