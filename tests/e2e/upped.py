"""`tokentide up` as its users run it: a process of its own, known by its ready line alone."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.builders import rfc3339
from tests.oracle.compare import parse

__all__ = ["Upped", "eventually", "processes_of"]

READY_SECONDS = 240
STOP_SECONDS = 40


def eventually(condition, deadline_seconds, what):
    """The first true value of the condition; fails when there is none in time."""
    end = time.monotonic() + deadline_seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {deadline_seconds} s"
        time.sleep(0.1)
    return found


def processes_of(folder):
    """The pids of all processes that work in a data folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(entry, "cwd").readlink().is_relative_to(folder):
                found.add(int(entry.name))
        except OSError:
            continue  # it ended, or belongs to another user
    return found


class Upped:
    """A running `up`; its parts can be asked and killed."""

    def __init__(self, working_folder, *arguments):
        run = [sys.executable, "-m", "tokentide", "up", "--json", "--api-port", "0", "--metrics-port", "0", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TOKENTIDE_")}
        self._log = (working_folder / "up.log").open("ab")
        self._folder = working_folder
        self.process = subprocess.Popen(
            run, env=environment, cwd=working_folder, stdout=subprocess.PIPE, stderr=self._log
        )
        self.ready = json.loads(self._first_line())
        key = {"Authorization": f"Bearer {self.ready['read_key']}"}
        self.http = httpx.Client(base_url=self.ready["api"], headers=key, timeout=30)

    def _first_line(self):
        lines = queue.SimpleQueue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=READY_SECONDS)
        except queue.Empty:
            line = b""
        if not line:
            self.process.kill()
            raise AssertionError(f"up did not become ready:\n{self.log()}")
        return line

    def log(self):
        """The end of what `up` logged."""
        return (self._folder / "up.log").read_text(encoding="utf-8")[-5000:]

    def status(self):
        """What `up --status` prints now."""
        run = [sys.executable, "-m", "tokentide", "up", "--status", "--data", self.ready["data"]]
        return json.loads(subprocess.run(run, capture_output=True, check=True, cwd=self._folder).stdout)

    def pids(self):
        """The processes of all parts as of now, by name."""
        pids = self.status()["pids"]
        return {**{name: pid for name, pid in pids.items() if name != "workers"}, "worker": pids["workers"][0]}

    def get(self, path, **asked):
        """A GET of the read API that ends with 200: its JSON and its headers."""
        while True:
            answer = self.http.get(path, params=asked)
            if answer.status_code != 429:
                break
            time.sleep(int(answer.headers["Retry-After"]))
        assert answer.status_code == 200, f"{path} {asked}: {answer.status_code} {answer.text}"
        return parse(answer.content), answer.headers

    def total_of_concrete_calls(self, start_ms, end_ms, **filters):
        """The one row of TrueFoundry's query over calls of concrete models; filters are field name → values."""
        concrete = {"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}
        others = [{"fieldName": name, "operator": "IN", "value": values} for name, values in filters.items()]
        sums = [{"type": "sum", "column": column} for column in ("costInUSD", "inputTokens", "outputTokens")]
        body = {
            "startTs": rfc3339(start_ms),
            "endTs": rfc3339(end_ms),
            "datasource": "modelMetrics",
            "type": "distribution",
            "aggregations": sums,
            "filters": [concrete, *others],
        }
        answer = self.http.post("/api/svc/v1/llm-gateway/metrics/query", json=body)
        assert answer.status_code == 200, answer.text
        (row,) = parse(answer.content)["data"]["dataPoints"]
        return row

    def data_through(self):
        """The log time up to which everything is in the answers; empty while the API does not answer."""
        try:
            return self.get(f"/v1/projects/{self.ready['project_id']}/overview")[1]["X-Data-Through"]
        except (httpx.TransportError, AssertionError):
            return ""

    def wait_until_stored(self, sent_by, deadline_seconds=90):
        """Return when everything that was sent until a moment (RFC 3339 with milliseconds and Z) is in the answers."""
        eventually(lambda: self.data_through() >= sent_by, deadline_seconds, f"everything until {sent_by} stored")

    def stop(self):
        """SIGTERM, as a service manager would; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._end(STOP_SECONDS)

    def kill(self):
        """Kill -9 of `up` itself; its parts are left to themselves."""
        self.process.kill()
        return self._end(5)

    def _end(self, deadline_seconds):
        try:
            return self.process.wait(deadline_seconds)
        finally:
            self.http.close()
            self.process.stdout.close()
            self._log.close()
