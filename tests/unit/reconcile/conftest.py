"""Tests in this folder run under the Hypothesis profile that `tests.strategies` loads."""

from __future__ import annotations

from tests import strategies

__all__ = ["strategies"]
