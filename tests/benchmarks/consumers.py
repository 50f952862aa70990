"""How many events a CPU second a process consumes: ours and its peers, on the same topics of the same broker.

What counts is the CPU time of the process (user and system, from /proc) between two sights of its counter, so that the
broker, which shares the machine, takes nothing away, and starting costs nothing.
"""

from __future__ import annotations

import os
import re
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.place import Place
from tokentide.embedded.processes import Child

__all__ = ["Rate", "bare_client", "cpu_seconds", "metric", "quix_sum", "stock_faust", "worker", "workers"]

PATIENCE_SECONDS = 150.0
LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Rate:
    """What a process did between the first and the last sight of its counter.

    Attributes:
        late_turns: share of its event loop's turns that came more than 50 ms late; of workers only.
    """

    records: float
    cpu_seconds: float
    wall_seconds: float
    late_turns: float = 0.0

    @property
    def per_cpu_second(self) -> float:
        """Records."""
        return self.records / self.cpu_seconds


def worker(place: Place, topic: str, records: int, *, events_table: bool = False) -> Rate:
    """One worker of ours, everything on; the events table only when asked for."""
    return workers(place, topic, records, number=1, events_table=events_table)


def workers(place: Place, topic: str, records: int, *, number: int, events_table: bool = False) -> Rate:
    """So many workers in one group, each on its share; their CPU time is added up."""
    settings = place.fresh(topic)
    environment = {**place.environment(settings), "TOKENTIDE_EVENTS_TABLE": str(events_table).lower()}
    with ExitStack() as running:
        children, ports = [], []
        for _ in range(number):
            name = place.new_name("worker")
            ports.append(place.folder.ports([name])[name])
            own = environment | {"TOKENTIDE_METRICS_PORT": str(ports[-1])}
            children.append(place.folder.spawn(name, [sys.executable, "-m", "tokentide", "worker"], env=own))
            running.callback(children[-1].stop, 20)
        rate = _measured(children, lambda: sum(metric(port, "records_total") for port in ports), records)
        return replace(rate, late_turns=max(map(_late_turns, ports)))


def stock_faust(place: Place, topic: str, records: int) -> Rate:
    """A Faust agent as its documentation shows it, which only counts."""
    return _reference(place, "reference_faust.py", sys.executable, topic, records)


def bare_client(place: Place, topic: str, records: int) -> Rate:
    """Aiokafka's own `getmany`, which only counts: the ceiling of a consumer in Python."""
    return _reference(place, "reference_aiokafka.py", sys.executable, topic, records)


def quix_sum(place: Place, topic: str, records: int) -> Rate:
    """Quix Streams, which sums one field over tumbling windows of an hour."""
    return _reference(place, "reference_quix.py", str(place.peers), topic, records)


def _reference(place: Place, script: str, python: str, topic: str, records: int) -> Rate:
    name = place.new_name(Path(script).stem)
    counted = place.folder.path / f"{name}.count"
    counted.write_text("0")
    command = [python, str(Path(__file__).with_name(script)), place.bootstrap, topic, str(counted)]
    child = place.folder.spawn(name, command, env={**os.environ, "TMPDIR": str(place.folder.path)})
    try:
        return _measured([child], lambda: int(counted.read_text() or 0), records)
    finally:
        child.stop(20)


def _measured(children: Sequence[Child], seen: Callable[[], float], records: int) -> Rate:
    """Watch a counter go from its first value above zero to the total."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    first = None
    while time.monotonic() < deadline and all(child.exit_code is None for child in children):
        number = seen()
        now = number, sum(cpu_seconds(child.pid) for child in children), time.monotonic()
        if number and first is None:
            first = now
        if first and number >= records:
            return Rate(number - first[0], now[1] - first[1], now[2] - first[2])
        time.sleep(LOOK_SECONDS)  # a sight of the counter, not a wait for a fixed time
    raise RuntimeError(f"{children[0].name} did not read {records} records: {children[0].log_tail()}")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def metric(port: int, name: str, label: str = "") -> float:
    """The sum of a metric over its labels, or over those lines that have one; 0 while nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return 0
    labels = rf"{{[^}}]*{re.escape(label)}[^}}]*}}" if label else r"(?:{[^}]*})?"
    return sum(float(value) for value in re.findall(rf"^tokentide_{name}{labels} (\S+)$", text, re.MULTILINE))


def _late_turns(port: int) -> float:
    turns = metric(port, "loop_lag_seconds_count")
    return 1 - metric(port, "loop_lag_seconds_bucket", 'le="0.05"') / turns if turns else 0.0
