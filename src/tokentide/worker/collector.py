"""When does Python's cycle collector run? Rarely by itself, and regularly over what is young."""

from __future__ import annotations

import asyncio
import gc

__all__ = ["collect_forever", "spare"]

_TIDY_SECONDS = 30.0
_THRESHOLDS = 10_000, 1, 1_000_000
"""A run looks at ten or twenty thousand young objects, some of forty columns; none by itself looks at the old ones."""


def spare() -> None:
    """Let the collector run rarely: it took two fifths of the time.

    Folding makes many objects that live until the next flush, and no cycles; at the usual thresholds the collector
    visits all of them again and again.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


async def collect_forever(flushing: asyncio.Lock) -> None:
    """Free cycles while they are young, and look no more at what is left then: buckets, for hours.

    The store's client leaves one behind with each insert, and all that was inserted in it: megabytes a minute. So this
    is done between two flushes, when no insert is under way whose cycle would never be looked at again.

    Args:
        flushing: held by whoever flushes.
    """
    while True:
        await asyncio.sleep(_TIDY_SECONDS)
        async with flushing:
            gc.collect()
            gc.freeze()
