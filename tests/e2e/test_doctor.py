"""The doctor at what `up` runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def doctor(*arguments, **settings):
    """What `tokentide doctor` ends with: its exit code, and its report."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOKENTIDE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "tokentide", "doctor", "--json", *arguments],
        env=clean | {f"TOKENTIDE_{name}": value for name, value in settings.items()},
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert ended.stdout, ended.stderr.decode()
    return ended.returncode, json.loads(ended.stdout)


def test_nothing_is_found(up):
    """All checks run, worker and API answer, and there is nothing to say: no advice either."""
    code, report = doctor("--data", up.ready["data"])
    assert (code, report["findings"]) == (0, [])
    assert [check for check in report["checks"] if check["state"] != "ok"] == []
    assert not any("was looked at" in note for note in report["notes"])


def test_settings_alone_will_do(up):
    """Who knows only where Kafka and ClickHouse are finds nothing either; that nobody else answers is a note."""
    places = {"KAFKA": up.ready["kafka"], "CLICKHOUSE": up.ready["clickhouse"]}
    code, report = doctor(**places, API_PORT="9", METRICS_PORT="9")
    assert (code, report["findings"]) == (0, [])
    assert len([note for note in report["notes"] if "was looked at" in note]) == 2


def test_a_problem_is_the_exit_code(up):
    """A time to live that the tables do not have yet: 1, with the command that sets it."""
    places = {"KAFKA": up.ready["kafka"], "CLICKHOUSE": up.ready["clickhouse"], "API_PORT": "9", "METRICS_PORT": "9"}
    code, report = doctor(**places, EVENTS_RETENTION_DAYS="50")
    assert code == 1
    assert [(finding["kind"], finding["command"]) for finding in report["findings"]] == [
        ("ttl_differs", "tokentide migrate")
    ]
