"""Are the figures of `tokentide capacity` what is really there? Two loads, an hour each, on the fold and the engine."""

from __future__ import annotations

import pytest

from tests.benchmarks.footprint import footprint
from tests.store_fixtures import migrated
from tokentide.capacity import Load, planned
from tokentide.capacity.costs import COSTS
from tokentide.capacity.rows import bucket_bytes, disk_bytes, rows_of_a_flush, rows_of_an_hour
from tokentide.rollups import TABLES

FEW = Load(1, projects=4, models=3, failed_share=0.1, partitions=1, flush_interval_seconds=30)
MANY = Load(1, projects=4, models=300, providers=3, failed_share=0.1, partitions=1, flush_interval_seconds=30)
ROWS, BYTES, DISK = 0.2, 0.35, 0.5
"""How far a prediction may be off: chance decides which names meet; memory and disk come in pieces."""


@pytest.fixture(scope="module", params=[FEW, MANY], ids=["3 models", "300 models"])
def measured(request, chdb_store_root):
    """A load, and what an hour of it left."""
    with migrated(chdb_store_root) as store:
        yield request.param, footprint(store, request.param)


@pytest.mark.timeout(120)
def test_rows(measured):
    """Rollup rows of a day, by table, and the rows of a flush."""
    load, found = measured
    plan = planned(load)
    assert found.rows.keys() == {table.name for table in TABLES}
    for table, rows in found.rows.items():
        assert rows_of_an_hour(load)[table] == pytest.approx(rows, rel=ROWS), table
        assert plan.value(f"{table} rows a day") == pytest.approx(24 * rows, rel=ROWS), table
    assert sum(rows_of_a_flush(load).values()) == pytest.approx(found.rows_a_flush, rel=ROWS)


@pytest.mark.timeout(120)
def test_memory(measured):
    """Bytes of all open buckets, and of one remembered id."""
    load, found = measured
    assert bucket_bytes(load) == pytest.approx(found.bucket_bytes, rel=BYTES)
    assert COSTS["id_bytes"].value == pytest.approx(found.id_bytes, rel=BYTES)


@pytest.mark.timeout(120)
def test_disk(measured):
    """Bytes of a row on disk, where a table has enough of them that its files are not mostly headers."""
    load, found = measured
    predicted = {table: size / rows_of_an_hour(load)[table] for table, size in disk_bytes(load).items()}
    for table, size in found.disk_bytes.items():
        if found.rows.get(table, 0) > 500:
            assert predicted[table] == pytest.approx(size, rel=DISK), table
    assert COSTS["events_disk"].value == pytest.approx(found.disk_bytes["events"], rel=DISK)
