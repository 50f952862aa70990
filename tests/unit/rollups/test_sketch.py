"""Sketches: exact while small, exact in weight always, and sharp enough for every percentile that is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokentide.rollups.sketch import EXACT_UP_TO, Digest, compress

TOLERANCE = {0.5: 0.01, 0.75: 0.01, 0.9: 0.005, 0.95: 0.005, 0.99: 0.001}
"""How far the rank of a percentile may be off, as a share of all values, besides one rank (C6 of the read API)."""

latencies = st.one_of(
    st.floats(0, 1e9, width=32),
    st.integers(0, 50).map(float),
    st.sampled_from([0.0, -0.0, 1e-45, 1.1754944e-38, 1e9, 0.1, 120.5]),
)
values_of_a_group = st.lists(latencies, max_size=40)


def packed(values):
    """Values as the fold hands them over."""
    return np.asarray(values, np.float64).tobytes()


def sketched(values, sizes):
    """The digest of a stream that comes in flushes of the given sizes, the last size repeated."""
    stream, digest, sizes = iter(values), Digest(), [*sizes]
    while part := list(islice(stream, sizes.pop(0) if len(sizes) > 1 else sizes[0])):
        (digest,) = compress([digest], [packed(part)])
    return digest


def centroids(digest):
    """Means and weights."""
    return digest.mean_list(), digest.weight_list()


def quantile(digest, level):
    """A quantile of a digest as ClickHouse's quantileTDigest interpolates it."""
    means, weights = centroids(digest)
    wanted, done = level * sum(weights), 0.0
    before_mean, before_middle, before_weight = means[0], 0.0, weights[0]
    for mean, weight in zip(means, weights, strict=True):
        middle = done + weight / 2
        if middle >= wanted:
            left, right = before_middle + 0.5 * (before_weight == 1), middle - 0.5 * (weight == 1)
            if wanted <= left:
                return before_mean
            return mean if wanted >= right else before_mean + (mean - before_mean) * (wanted - left) / (right - left)
        done += weight
        before_mean, before_middle, before_weight = mean, middle, weight
    return means[-1]


def ranks_off(values, level, estimate):
    """By how many ranks an estimate misses its level, besides what rounding to float32 explains."""
    ordered, slack = np.sort(np.asarray(values, np.float64)), abs(estimate) * 2.0**-22
    below = np.searchsorted(ordered, estimate - slack, "left")
    upto = np.searchsorted(ordered, estimate + slack, "right")
    return max(0.0, below - level * len(values), level * len(values) - upto)


def assert_sharp(values, estimates):
    """Every percentile lies within its tolerance."""
    for (level, share), estimate in zip(TOLERANCE.items(), estimates, strict=True):
        assert ranks_off(values, level, estimate) <= share * len(values) + 1, level


@given(st.lists(values_of_a_group, max_size=5), st.lists(values_of_a_group, max_size=5))
def test_weights_add_up_and_means_ascend(first, second):
    """Whatever is merged, each centroid has a weight, the weights make the number of values, the means ascend."""
    first, second = first[: len(second)], second[: len(first)]
    digests = compress(compress([Digest() for _ in first], [*map(packed, first)]), [*map(packed, second)])
    for digest, some, more in zip(digests, first, second, strict=True):
        means, weights = centroids(digest)
        assert len(means) == len(weights)
        assert digest.count == sum(weights) == len(some) + len(more)
        assert all(weights)
        assert means == sorted(means)
        assert not np.signbit(means).any()


@given(st.lists(latencies, max_size=EXACT_UP_TO), st.lists(st.integers(1, 50), min_size=1))
def test_few_values_are_all_kept(values, sizes):
    """Up to 128 values each is a centroid of its own, whatever flushes they came in."""
    means, weights = centroids(sketched(values, sizes))
    assert means == sorted(np.asarray(values, np.float32).tolist())
    assert set(weights) <= {1}


@pytest.mark.parametrize("count", [1, 2, 100, 127, EXACT_UP_TO])
def test_exactness_has_no_gaps(count):
    """Every count up to the bound is exact, however close its ranks lie."""
    values = [float(value) for value in range(count)]
    assert centroids(sketched(values, [60])) == (values, [1] * count)


@given(st.lists(latencies, min_size=1, max_size=400), st.randoms(use_true_random=False))
def test_the_order_of_values_does_not_matter(values, random):
    """Within one flush values may come in any order, and with either zero."""
    shuffled = [-value if value == 0 else value for value in values]
    random.shuffle(shuffled)
    digest = sketched([7.0] * 200, [150])
    assert compress([digest], [packed(values)]) == compress([digest], [packed(shuffled)])


@given(st.lists(st.tuples(values_of_a_group, values_of_a_group), max_size=6), st.integers(0, 6))
def test_groups_do_not_touch_each_other(groups, cut):
    """Groups that are compressed together get what each gets alone, empty ones included."""
    digests = [sketched(old * 20, [90]) if old else Digest() for old, _ in groups]
    values = [packed(new) for _, new in groups]
    together = compress(digests, values)
    assert together == compress(digests[:cut], values[:cut]) + compress(digests[cut:], values[cut:])
    assert together == [compress([digest], [new])[0] for digest, new in zip(digests, values, strict=True)]


def test_many_large_groups_do_not_touch_each_other():
    """Ranks are counted group by group, exactly, however many values lie before."""
    heavy = [Digest.of([1.0, 2.0, 3.0], [2**31, 2**31, 5]) for _ in range(50)]
    assert compress(heavy, [packed([2.5])] * 50) == [compress(heavy[:1], [packed([2.5])])[0]] * 50
    assert compress(heavy, [packed([2.5])] * 50)[0].count == 2**32 + 6
    single = Digest.of([5.0], [1000])
    assert compress([single, single], [b"", b""]) == [single, single]


def test_nothing_is_nothing():
    """No groups, and groups without values, stay as they are."""
    assert compress([], []) == []
    assert compress([Digest(), Digest()], [b"", b""]) == [Digest(), Digest()]
    assert (Digest().count, centroids(Digest())) == (0, ([], []))


def test_negative_zero_is_zero():
    """A latency of -0.0, which JSON allows, is the least value and not the greatest."""
    digest = sketched([-0.0] * 50 + [float(value) for value in range(1, 951)], [300])
    assert digest.mean_list()[0] == 0.0
    assert quantile(digest, 0.99) == pytest.approx(940, abs=2)
    assert centroids(compress([Digest.of([-0.0, 5.0], [1, 1])], [packed([1.0])])[0]) == ([0.0, 1.0, 5.0], [1, 1, 1])


def test_the_extremes_of_float32_are_sorted():
    """Zero, subnormal numbers and the longest latency keep their order and their values."""
    values = [1e9, 0.0, 1e-45, 1.1754944e-38, 1e-40, 123.456]
    assert sketched(values, [2]).mean_list() == sorted(np.asarray(values, np.float32).tolist())


@pytest.mark.parametrize("count", [129, 1000, 100_000])
def test_a_digest_stays_small(count):
    """However many values there are, a digest has at most 250 centroids."""
    values = np.random.default_rng(3).lognormal(6, 1, count)
    assert len(sketched(values.tolist(), [count // 7]).mean_list()) <= 250


def lognormal(random, count):
    return random.lognormal(6, 1, count)


def bimodal(random, count):
    return np.where(random.random(count) < 0.9, random.normal(200, 20, count), random.normal(5000, 800, count)).clip(0)


def heavy_tailed(random, count):
    return random.pareto(1.1, count) * 100


def constant(_random, count):
    return np.full(count, 123.456)


def few_steps(random, count):
    return random.choice([10.0, 20.0, 500.0], count, p=[0.5, 0.4, 0.1])


STREAMS = [lognormal, bimodal, heavy_tailed, constant, few_steps]
ORDERS = {
    "as it comes": lambda values: values,
    "ascending": np.sort,
    "descending": lambda values: np.sort(values)[::-1],
}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("order", ORDERS)
def test_percentiles_of_streams_in_small_flushes(stream, order):
    """5,000 values in flushes of 1 to 200, in any order: every percentile keeps to its tolerance."""
    random = np.random.default_rng(11)
    values = ORDERS[order](stream(random, 5000).astype(np.float32))
    digest = sketched(values.tolist(), random.integers(1, 201, 200).tolist())
    assert_sharp(values, [quantile(digest, level) for level in TOLERANCE])


def leaps(random):
    """Streams of two modes whose gap lies close to a percentile: the hardest case for a sketch."""
    for count, level, side in ((1000, 0.5, 1), (5000, 0.5, -1), (5000, 0.75, 1), (5000, 0.9, -1), (5000, 0.9, 1)):
        share = level + side * 1.3 * TOLERANCE[level]
        low = round(share * count)
        values = np.concatenate([random.normal(200, 20, low), random.normal(20_000, 2000, count - low)]).clip(0)
        yield random.permutation(values)
    for level in (0.95, 0.99):
        low = round((level - 1.3 * TOLERANCE[level]) * 5000)
        values = np.concatenate([random.normal(200, 20, low), random.normal(20_000, 2000, 5000 - low)]).clip(0)
        yield random.permutation(values)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [10, 200])
def test_percentiles_next_to_a_gap(order, size):
    """Where values leap just beside a percentile, the estimate does not fall into the gap."""
    for values in leaps(np.random.default_rng(5)):
        ordered = ORDERS[order](values.astype(np.float32))
        digest = sketched(ordered.tolist(), [size])
        assert_sharp(ordered, [quantile(digest, level) for level in TOLERANCE])


PROGRAM = """
import json, sys
import chdb
LEVELS = "0.5, 0.75, 0.9, 0.95, 0.99"
answers = []
for digests in json.load(sys.stdin):
    rows = ",".join(f"(CAST({m}, 'Array(Float32)'), CAST({w}, 'Array(UInt32)'))" for m, w in digests)
    merged = f"quantilesTDigestWeightedArray({LEVELS})(digest.1, digest.2)"
    answer = chdb.query(f"SELECT {merged} FROM (SELECT arrayJoin([{rows}]) AS digest)", "JSONCompact")
    answers.append(json.loads(str(answer))["data"][0][0])
json.dump(answers, sys.stdout)
"""


def clickhouse(groups):
    """The percentiles of each group of digests, merged by the engine itself.

    It runs in a process of its own, because one process opens one chDB.
    """
    asked = json.dumps([[centroids(digest) for digest in digests] for digests in groups])
    command = [sys.executable, "-c", PROGRAM]
    return json.loads(
        subprocess.run(command, input=asked.encode(), capture_output=True, check=True, timeout=100).stdout
    )


def test_clickhouse_reads_digests_as_sharply():
    """ClickHouse's own merge of one digest, and of those of 24 hours, keeps every percentile within its tolerance."""
    random = np.random.default_rng(7)
    streams = [stream(random, 12_000) for stream in STREAMS] + [*leaps(random)]
    whole = [[sketched(values.tolist(), [200])] for values in streams]
    hours = [[sketched(part.tolist(), [50]) for part in np.array_split(values, 24)] for values in streams]
    for values, estimates in zip(streams * 2, clickhouse(whole + hours), strict=True):
        assert_sharp(values.astype(np.float32), estimates)


def test_the_interpolation_is_clickhouse_s():
    """The quantile that these tests compute is that of the store, on digests that it keeps as they are."""
    random = np.random.default_rng(9)
    digests = [sketched(random.lognormal(6, 1, count).tolist(), [40]) for count in (1, 2, 5, 100)]
    for digest, estimates in zip(digests, clickhouse([[digest] for digest in digests]), strict=True):
        assert [quantile(digest, level) for level in TOLERANCE] == pytest.approx(estimates, rel=1e-5)
