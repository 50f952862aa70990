"""`tokentide demo`, as a newcomer runs it."""

from __future__ import annotations

import os
import subprocess
import sys

DEMO_SECONDS = 120


def test_the_demo_proves_itself_and_ends(tmp_path):
    """A small one: exit code 0, the proof in one line, and a table for each of the answers."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOKENTIDE_")}
    run = [sys.executable, "-m", "tokentide", "demo", "--events", "3000", "--seed", "5"]
    done = subprocess.run(
        run, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=DEMO_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sent 3000, counted 3000, lost 0, double 0" in done.stdout.splitlines()
    assert "kill -9" in done.stdout
    perf = [f"/v1/metrics/{name}" for name in ("overview", "customer", "performance", "failures", "providers", "daily")]
    lumiqtrace = ["/v1/projects/demo/overview", "/v1/costs", "/v1/performance", "/v1/errors"]
    for path in [*lumiqtrace, "/api/analytics/llm", *perf]:
        assert f"GET {path}" in done.stdout
    assert list(tmp_path.iterdir()) == []
