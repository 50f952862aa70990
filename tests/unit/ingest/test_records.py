"""How accepted lines are put together into records."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tokentide.ingest.lines import Accepted
from tokentide.ingest.records import batches

bodies = st.binary(min_size=1, max_size=30).map(lambda body: body.replace(b"\n", b"."))
lines = st.lists(st.builds(Accepted, st.sampled_from([b"a", b"b", b"c"]), bodies))


@given(lines, st.integers(30, 100), st.integers(1, 5))
def test_every_line_is_in_one_record_of_its_key_in_order(accepted, max_bytes, max_events):
    """Read back, the records of a key hold its lines, all of them, in their order; no limit is passed."""
    made = list(batches(accepted, max_bytes, max_events))
    for key in {line.key for line in accepted}:
        held = [line for batch in made if batch.key == key for line in batch.value.split(b"\n")]
        assert held == [line.body for line in accepted if line.key == key]
    for batch in made:
        assert len(batch.value) <= max_bytes
        assert batch.events == batch.value.count(b"\n") + 1 <= max_events


def test_records_are_filled():
    """A new record begins only when the line does not fit into the one before."""
    made = list(batches([Accepted(b"k", b"12345")] * 250, max_bytes=10_000))
    assert [batch.events for batch in made] == [100, 100, 50]
    made = list(batches([Accepted(b"k", b"12345")] * 5, max_bytes=11))
    assert [batch.value for batch in made] == [b"12345\n12345", b"12345\n12345", b"12345"]


def test_nothing_makes_no_record():
    """There are no empty records."""
    assert list(batches([], max_bytes=100)) == []
