"""`tokentide up` as the pages have it running, and how a page's words about it become those of this run.

The pages name the ports that `up` takes by itself, and the project `demo`. Here the ports are any free ones, and each
page has an organisation and a project of its own, so that no page sees what another one sent; its name is as long.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.builders import rfc3339
from tests.e2e.upped import READY_SECONDS, STOP_SECONDS, eventually
from tests.pages.blocks import PAGES
from tokentide.store import open_store
from tokentide.store.access import create_key

__all__ = ["Running", "Words", "brought_up"]

_API, _METRICS, _KAFKA, _CLICKHOUSE = "127.0.0.1:8420", "127.0.0.1:8421", "127.0.0.1:9092", "127.0.0.1:8123"
_STAND_INS = {"//WORKER/": f"//{_METRICS}/", "//API/": f"//{_API}/"}
"""What pages about any deployment say for an address."""
_STORED_SECONDS = 90
_HURRIED = {"TOKENTIDE_FLUSH_INTERVAL_SECONDS": "0.3"}  # no page says how long that takes to the millisecond
_LAST_LINE = "Ctrl-C stops everything."
_PROJECT = re.compile(r"(?<!tokentide )(?<!make )\bdemo\b")
_EXPORTED = re.compile(r"^ *export (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Words:
    """What a page calls addresses, its project and ids, and what they are in this run."""

    addresses: Mapping[str, str]
    project: str
    names: dict[str, str] = field(default_factory=dict)

    def learn(self, names: Mapping[str, str]) -> None:
        """Take what the page shows for what was printed; the first meaning of a name stays."""
        self.names.update(names | self.names)

    def to_real(self, text: str) -> str:
        """A page's text for this run."""
        for shown, real in (*_STAND_INS.items(), *self.addresses.items(), *self.names.items()):
            text = text.replace(shown, real)
        return _PROJECT.sub(self.project, text)

    def to_shown(self, text: str) -> str:
        """This run's text as the page would have it."""
        for shown, real in self.addresses.items():
            text = text.replace(real, shown)
        return text.replace(self.project, "demo")


@dataclass(frozen=True, slots=True)
class Running:
    """A running `up`: what it told its reader, and where it is."""

    told: str
    status: Mapping[str, str]
    exported: Mapping[str, str]

    @property
    def addresses(self) -> dict[str, str]:
        """Where the pages say that things are, and where they are."""
        at = {name: urlsplit(self.status[name]).netloc for name in ("api", "clickhouse")}
        metrics = urlsplit(self.status["metrics"][0]).netloc
        return {_API: at["api"], _METRICS: metrics, _KAFKA: self.status["kafka"], _CLICKHOUSE: at["clickhouse"]}

    @property
    def environment(self) -> dict[str, str]:
        """What `up` told to export, and the ports that the settings would have if `up` had taken its own."""
        ports = {"API": self.addresses[_API], "METRICS": self.addresses[_METRICS]}
        return dict(self.exported) | {f"TOKENTIDE_{name}_PORT": at.rpartition(":")[2] for name, at in ports.items()}

    def words(self, page: str) -> Words:
        """How this page's words become those of this run."""
        return Words(self.addresses, f"pg{PAGES.index(page):02}")

    def keys(self, project: str) -> dict[str, str]:
        """Keys for an organisation and a project of this name, both made now, by the names that the pages give them."""
        with closing(open_store(self.status["clickhouse"], "tokentide")) as store:
            now_ms = time.time_ns() // 1_000_000
            ingest, read = (
                create_key(store, role=role, org=project, projects=of, now_ms=now_ms, tier="enterprise").key
                for role, of in (("ingest", [project]), ("read", []))
            )
        return {"INGEST_KEY": ingest, "READ_KEY": read, "TOKENTIDE_API_KEY": read}

    def send(self, key: str, event: str) -> None:
        """Send an event, as one does with this key."""
        headers = {"x-api-key": key, "content-type": "application/x-ndjson"}
        answer = httpx.post(f"{self.status['api']}/v1/ingest", content=event, headers=headers, timeout=30)
        assert answer.status_code == 202, answer.text

    def wait_until_stored(self) -> None:
        """Return when all that was sent until now is in the answers, as their header says."""
        sent_by = rfc3339(time.time_ns() // 1_000_000)
        eventually(lambda: self._data_through() >= sent_by, _STORED_SECONDS, "what was sent is stored")

    def _data_through(self) -> str:
        url = f"{self.status['api']}/v1/projects/{self.status['project_id']}/overview"
        key = {"Authorization": f"Bearer {self.status['read_key']}"}
        answer = httpx.get(url, headers=key, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.headers["X-Data-Through"]


@contextmanager
def brought_up(folder: Path) -> Iterator[Running]:
    """`tokentide up` in a folder, as its reader starts it but for the ports."""
    run = [sys.executable, "-m", "tokentide", "up", "--api-port", "0", "--metrics-port", "0"]
    with (folder / "up.out").open("wb") as out, (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(run, cwd=folder, env=_without_settings() | _HURRIED, stdout=out, stderr=log)
        try:
            yield _running(process, folder)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) == 0, _end_of(folder / "up.log")


def _running(process: subprocess.Popen[bytes], folder: Path) -> Running:
    def told() -> str:
        assert process.poll() is None, _end_of(folder / "up.log")
        text = (folder / "up.out").read_text(encoding="utf-8")
        return text if text.rstrip().endswith(_LAST_LINE) else ""

    text = eventually(told, READY_SECONDS, "everything up")
    run = [sys.executable, "-m", "tokentide", "up", "--status"]
    status = subprocess.run(run, cwd=folder, env=_without_settings(), capture_output=True, check=True, timeout=60)
    pairs = [pair.split("=", 1) for line in _EXPORTED.findall(text) for pair in line.split()]
    return Running(text, json.loads(status.stdout), dict(pairs))


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TOKENTIDE_")}


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8")[-5000:]
