"""When does Python's cycle collector run? Rarely by itself, and regularly over what is young."""

from __future__ import annotations

import asyncio
import gc

__all__ = ["collect_forever", "spare"]

_TIDY_SECONDS = 30.0
_YOUNG = 1


def spare() -> None:
    """Let the collector run rarely: it took two fifths of the time.

    Folding makes many objects that live until the next flush, and no cycles; at the usual thresholds the collector
    visits all of them again and again.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


async def collect_forever() -> None:
    """Free cycles while they are young.

    The store's client leaves one behind with each insert, and all that was inserted in it: megabytes a minute, which
    at thresholds as high as these would stay for hours. What is old is not looked at, so that it takes no time.
    """
    while True:
        await asyncio.sleep(_TIDY_SECONDS)
        gc.collect(_YOUNG)
