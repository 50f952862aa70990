"""A real Prometheus over real processes, with the rules of deploy/prometheus on a clock that runs faster."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.integration.deployment import until
from tests.promql import RULE_FILES
from tests.store_fixtures import free_port

__all__ = ["Watching", "hastened", "watching"]

_WINDOW = "10s"
_LOWER = {
    "tokentide:lag_records:sum > 50000": "tokentide:lag_records:sum > 50",
    "tokentide:freshness_seconds:max > 60": "tokentide:freshness_seconds:max > 5",
    "tokentide:freshness_seconds:max > 900": "tokentide:freshness_seconds:max > 8",
    "(increase(tokentide_rebalances_total[10s])) > 4": "(increase(tokentide_rebalances_total[10s])) > 0",
    "(increase(tokentide_retries_total[10s])) > 5": "(increase(tokentide_retries_total[10s])) > 1",
}
"""Thresholds that would take minutes to reach."""


def hastened(rules: str) -> str:
    """The text of a file of rules with every duration cut to seconds, and the thresholds above."""
    text = re.sub(r"for: \d+[mh]", "for: 1s", rules)
    text = re.sub(r"\[\d+[mh]\]", f"[{_WINDOW}]", text)
    text = re.sub(r"offset \d+[mh]", f"offset {_WINDOW}", text)
    for usual, lower in _LOWER.items():
        text = text.replace(usual, lower)
    return text


class Watching:
    """A running Prometheus.

    Attributes:
        url: where it is.
    """

    def __init__(self, url: str, targets: Path) -> None:
        self.url = url
        self._targets = targets

    def watch(self, jobs: Mapping[str, list[str]]) -> None:
        """Scrape these, job by job, as HOST:PORT, and nothing else from now on; returns once all were asked."""
        groups = [{"targets": targets, "labels": {"job": job}} for job, targets in jobs.items()]
        text = json.dumps(groups)
        fresh = self._targets.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._targets)
        wanted = sorted(target for targets in jobs.values() for target in targets)
        until(lambda: self._asked() == wanted, f"Prometheus asks {wanted}", 60)

    def firing(self) -> set[str]:
        """The alerts that fire now."""
        found = self._get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}

    def fired(self, seconds: float) -> set[str]:
        """The alerts that fired within the last seconds, however shortly."""
        query = f'count by (alertname) (count_over_time(ALERTS{{alertstate="firing"}}[{max(1, int(seconds))}s]))'
        return {found["metric"]["alertname"] for found in self._get("query", query=query)["result"]}

    def texts(self) -> list[str]:
        """The annotations of all alerts now, as whoever is woken would read them."""
        found = self._get("alerts")["alerts"]
        return [text for alert in found for text in alert["annotations"].values()]

    def _asked(self) -> list[str]:
        found = self._get("targets", state="active")["activeTargets"]
        return sorted(target["labels"]["instance"] for target in found if target["health"] != "unknown")

    def _get(self, what: str, **asked: str) -> Any:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]


@contextmanager
def watching(folder: Path) -> Iterator[Watching]:
    """Prometheus, with its data and its hastened rules in the folder, while the block lasts."""
    program = shutil.which("prometheus")
    assert program, "prometheus is missing: apt-get install --no-install-recommends prometheus"
    config = _configured(folder)
    port = free_port()
    log = (folder / "prometheus.log").open("wb")
    process = subprocess.Popen(
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or _answers(f"{url}/-/ready"), "Prometheus is ready", 60)
        assert process.poll() is None, (folder / "prometheus.log").read_text(encoding="utf-8")
        yield Watching(url, folder / "targets.json")
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _configured(folder: Path) -> Path:
    rules = folder / "rules"
    rules.mkdir()
    seen = ""
    for file in RULE_FILES:
        text = hastened(file.read_text(encoding="utf-8"))
        seen += text
        (rules / file.name).write_text(text, encoding="utf-8")
    assert [lower for lower in _LOWER.values() if lower not in seen] == []
    (folder / "targets.json").write_text("[]", encoding="utf-8")
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [{"job_name": "all", "file_sd_configs": [{"files": ["targets.json"]}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder / "prometheus.yml"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
