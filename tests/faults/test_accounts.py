"""The accounts themselves: a worker's counters against the log, and that the audit finds what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.machine import WiredMachine
from tests.faults.scene import Scene
from tests.integration.deployment import PARTITIONS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(one_broker: WiredMachine) -> Iterator[Scene]:
    """A topic whose whole log one worker has read once."""
    with Scene(one_broker, "accounts") as scene, scene.loaded() as load:
        scene.crew("a")
        scene.passes(300)
        load.pause()
        scene.settle().require()
        load.pause()
        scene.catches_up()
        yield scene


def test_every_event_of_the_log_is_in_one_counter(scene):
    """By partition: what was read, folded, left out and refused is what the oracle counts in the log."""
    (worker,) = scene.living()
    scene.audit.read_log()
    scene.audit.compare(scene.ask).require()
    told: dict[str, Counter[int]] = {}
    for name, labels, value in worker.scrape():
        if "partition" in labels:
            told.setdefault(name, Counter())[int(labels["partition"])] += int(value)
    counted = Counter(dict(scene.ask("SELECT log_partition, count() FROM events FINAL GROUP BY log_partition")))
    refused = Counter(partition for partition, _, _ in scene.audit.ledger.refused)
    duplicates = scene.audit.ledger.duplicates
    assert told["events_total"] == counted
    assert told["duplicates_total"] == duplicates
    assert told["dead_letters_total"] == refused
    assert told["read_events_total"] == counted + duplicates + refused
    assert told["records_total"] == scene.audit.ends
    assert sum(told["skipped_total"].values()) == sum(told["missing_offsets_total"].values()) == 0
    assert min(counted[number] * duplicates[number] * refused[number] for number in range(PARTITIONS)) > 0


ONE_MORE = "version + 1 AS version"


@pytest.mark.parametrize(
    ("harm", "lost", "double", "table"),
    [
        ("REPLACE (requests + 1 AS requests, {newer}) FROM usage_1h FINAL WHERE project_id = 'p'", 0, 1, "usage_1h"),
        ("REPLACE (requests - 1 AS requests, {newer}) FROM usage_1h FINAL WHERE project_id = 'q'", 1, 0, "usage_1h"),
        ("REPLACE (latency_us + 1 AS latency_us, {newer}) FROM provider_health_5m FINAL", 0, 0, "provider_health_5m"),
        ("REPLACE (last_seen_ms + 1 AS last_seen_ms, {newer}) FROM errors_1h FINAL", 0, 0, "errors_1h"),
        ("REPLACE ([1.5] AS latency_means, [1] AS latency_weights, {newer}) FROM latency_1h FINAL", 0, 0, "latency_1h"),
        ("REPLACE ('z' AS project_id) FROM rate_limits_1m FINAL", 0, 0, "rate_limits_1m"),
        ("REPLACE (log_index + 500 AS log_index) FROM events FINAL", 0, 0, "events"),
    ],
)
def test_a_row_that_was_altered_is_found(scene, harm, lost, double, table):
    """Whichever table it is in, and however little it changed; what earlier cases altered stays altered."""
    before = scene.audit.compare(scene.ask)
    scene.command(f"INSERT INTO {table} SELECT * {harm.format(newer=ONE_MORE)} LIMIT 1")
    after = scene.audit.compare(scene.ask)
    assert (after.lost - before.lost, after.double - before.double) == (lost, double)
    new = set(after.differences) - set(before.differences)
    assert new
    assert all(text.startswith(table) for text in new)
