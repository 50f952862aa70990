"""Latency sketches: merging t-digests, for many buckets in one pass.

A digest is a list of centroids (mean, weight) in the order of their means. Centroids whose mid-ranks fall into the
same cell of a scale function are merged (Dunning, "The size of a t-digest", 2019). Only the median and higher
percentiles are asked for, so cells narrow towards the top alone: around the rank q, from 0 to 1, a cell holds
2 / 250 * sqrt(1 - q) of all values, that is 0.6 % at the median and 0.08 % at the 99th percentile. A centroid is
narrower than two cells, so even where values leap within it, a percentile lies hardly further from its rank than that.
A digest of few values keeps each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["EXACT_UP_TO", "Digest", "compress"]

EXACT_UP_TO = 128
"""A digest of at most so many values holds each of them: no two of their ranks share a cell."""

_CELLS = 250.0
_EMPTY = b""


@dataclass(frozen=True, slots=True)
class Digest:
    """Centroids as packed arrays of the machine's byte order: float32 means and uint32 weights, of equal length."""

    means: bytes = _EMPTY
    weights: bytes = _EMPTY

    @classmethod
    def of(cls, means: Sequence[float], weights: Sequence[int]) -> Digest:
        """A digest from its centroids."""
        return cls(np.asarray(means, np.float32).tobytes(), np.asarray(weights, np.uint32).tobytes())

    def mean_list(self) -> list[float]:
        """The means, ascending."""
        floats: list[float] = np.frombuffer(self.means, np.float32).tolist()
        return floats

    def weight_list(self) -> list[int]:
        """How many values each centroid stands for."""
        counts: list[int] = np.frombuffer(self.weights, np.uint32).tolist()
        return counts

    @property
    def count(self) -> int:
        """How many values the digest stands for."""
        return int(np.frombuffer(self.weights, np.uint32).sum(dtype=np.uint64))


def compress(digests: Sequence[Digest], values: Sequence[bytes]) -> list[Digest]:
    """Merge into each digest its new values, for all of them at once.

    Args:
        digests: what each group has so far.
        values: the new values of each group, as packed float64, none of them negative or NaN.

    Returns:
        The new digest of each group, in the same order. Weights add up exactly.
    """
    groups = len(digests)
    new_sizes = np.array([len(packed) for packed in values], np.int64) // 8
    new = _keys(new_sizes, np.frombuffer(b"".join(values), np.float64))
    new.sort()
    old_sizes = np.array([len(digest.means) for digest in digests], np.int64) // 4
    old = _keys(old_sizes, np.frombuffer(b"".join(digest.means for digest in digests), np.float32))
    if not len(new) + len(old):
        return list(digests)
    places = np.searchsorted(new, old)  # the centroids are in order already
    old_weights = np.frombuffer(b"".join(digest.weights for digest in digests), np.uint32)
    return _cut(groups, *_merge(groups, np.insert(new, places, old), np.insert(np.ones(len(new)), places, old_weights)))


def _keys(sizes: npt.NDArray[np.int64], values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint64]:
    """Each value behind the number of its group: a float32 that is not negative sorts like its bits."""
    groups = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32)  # -0.0, which JSON allows, is 0.0
    return groups << np.uint64(32) | bits


def _merge(
    groups: int, keys: npt.NDArray[np.uint64], weight: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.uint32]]:
    """Merge what shares a cell, of values in order; returns the size of each group and all centroids."""
    group = (keys >> np.uint64(32)).astype(np.int64)
    value = keys.astype(np.uint32).view(np.float32).astype(np.float64)
    total = np.bincount(group, weight, groups)
    before = np.cumsum(weight) - weight - (np.cumsum(total) - total)[group]
    rank = (before + weight / 2) / total[group]
    cell = np.floor(_CELLS * np.sqrt(1.0 - rank))
    starts = np.ones(len(group), bool)
    starts[1:] = (cell[1:] != cell[:-1]) | (group[1:] != group[:-1])
    first = np.flatnonzero(starts)
    new_weight = np.add.reduceat(weight, first)
    new_mean = np.add.reduceat(value * weight, first) / new_weight
    sizes = np.bincount(group[first], minlength=groups)
    return sizes, new_mean.astype(np.float32), new_weight.astype(np.uint32)


def _cut(
    groups: int, sizes: npt.NDArray[np.int64], means: npt.NDArray[np.float32], weights: npt.NDArray[np.uint32]
) -> list[Digest]:
    ends = (np.cumsum(sizes) * 4).tolist()
    starts = [0, *ends[: groups - 1]]
    packed_means, packed_weights = means.tobytes(), weights.tobytes()
    return [Digest(packed_means[a:b], packed_weights[a:b]) for a, b in zip(starts, ends, strict=True)]
