"""Play all scenes, or those whose names hold the words given, and report what fired when."""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from tests.alerts.scenes import SCENES, play
from tests.alerts.stage import SETTINGS, Stage
from tests.integration.deployment import Deployment, Machine
from tokentide.embedded.clickhouse import prepare_clickhouse
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.kafka import prepare_kafka
from tokentide.embedded.part import running


def main() -> int:
    """Play, and return 0 when every alert of every scene fired and resolved."""
    parser = argparse.ArgumentParser(prog="python -m tests.alerts", description=__doc__)
    parser.add_argument("words", nargs="*", help="scenes whose names hold one of these; all without any")
    words = parser.parse_args().words
    chosen = [scene for scene in SCENES if not words or any(word in scene.name for word in words)]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="tokentide-alerts-") as place:
        root = Path(place)
        (root / "prometheus").mkdir()
        with DataFolder(root / "machine") as folder:
            kafka, store = prepare_kafka(folder), prepare_clickhouse(folder)
            with running([*kafka.parts, store.part]) as children:
                machine = Machine(folder, kafka.bootstrap, store, children)
                with (
                    Deployment(machine, "alerts", **SETTINGS) as deployment,
                    Stage(deployment, root / "prometheus") as stage,
                ):
                    for scene in chosen:
                        failed += not _played(stage, scene)
    print(f"{len(chosen) - failed} of {len(chosen)} scenes went as they should")
    return 1 if failed else 0


def _played(stage, scene):
    try:
        fired_seconds, resolved_seconds = play(stage, scene)
    except AssertionError as error:
        print(f"FAILED  {scene.name}: {error}", flush=True)
        traceback.print_exc()
        return False
    print(f"{scene.name}: fired within {fired_seconds:.0f} s, resolved {resolved_seconds:.0f} s after", flush=True)
    for alert in sorted(scene.alerts):
        print(f"    {alert}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
