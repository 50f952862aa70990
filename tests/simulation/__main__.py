"""Play schedules: one with its whole story, or very many.

$ python -m tests.simulation 4711
$ python -m tests.simulation --seeds 100000 --from 10000
"""

from __future__ import annotations

import argparse
import sys

from tests.simulation.campaign import campaign
from tests.simulation.profiles import PROFILES
from tests.simulation.schedule import run


def main() -> int:
    """Exit 0 when nothing went wrong, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__.splitlines()[0])
    parser.add_argument("seed", nargs="?", type=int, help="play this schedule, and tell everything that happens")
    parser.add_argument("--profile", choices=PROFILES, default="any", help="what the schedule is likely to hold")
    parser.add_argument("--seeds", type=int, default=10_000, help="play so many schedules on all cores")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them")
    given = parser.parse_args()
    if given.seed is None:
        played = campaign(given.first, given.seeds)
        print(played.report())
        return bool(played.findings)
    found = run(given.seed, PROFILES[given.profile], print)
    print(*(found or ["everything holds what the log says"]), sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
