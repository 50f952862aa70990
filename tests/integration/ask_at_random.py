"""Are random metrics queries answered as the oracle says? So many of them, from a seed.

    python -m tests.integration.ask_at_random [--queries N] [--seed N]

Prints how many were asked and how long that took; a query whose answer differs is shrunk, shown, and ends it with 1.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.integration.asking import asking
from tests.integration.bodies import bodies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tokentide-random-") as folder, asking(f"chdb://{folder}") as world:

        @seed(asked.seed)
        @settings(
            max_examples=asked.queries,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        @given(bodies())
        def every_answer_is_the_oracles(body):
            found = world.differences(body)
            assert not found, found

        began = time.monotonic()
        every_answer_is_the_oracles()
        taken = time.monotonic() - began
        came_from = dict(world.origins)
    print(f"{asked.queries} queries, seed {asked.seed}: no difference, {taken:.0f} s; answered from {came_from}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
