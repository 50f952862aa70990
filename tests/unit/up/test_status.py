"""What `up` tells about itself, and to whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tokentide.up.status import Ready, read, write

READY = Ready(
    ready=True,
    kafka="127.0.0.1:1",
    clickhouse="http://127.0.0.1:2",
    api="http://127.0.0.1:3",
    metrics=["http://127.0.0.1:4/metrics"],
    project_id="demo",
    org_id="demo",
    ingest_key="tti_x",
    read_key="als_x",
    pids={"kafka": 11, "workers": [14]},
    data="/somewhere",
)


def test_the_line_is_what_scripts_read():
    """One line of JSON with these names."""
    line = READY.line()
    assert "\n" not in line
    assert list(json.loads(line)) == [
        "ready",
        "kafka",
        "clickhouse",
        "api",
        "metrics",
        "project_id",
        "org_id",
        "ingest_key",
        "read_key",
        "pids",
        "data",
    ]


def test_workers_are_a_list_and_the_others_have_names():
    """In the order of their numbers; what is down has no pid."""
    pids = {"kafka": 1, "clickhouse": None, "api": 3, "worker-2": 5, "worker-1": 4}
    now = READY.with_pids(pids, 3, ready=False)
    assert now.pids == {"kafka": 1, "clickhouse": None, "api": 3, "workers": [4, 5, None]}
    assert now.ready is False
    assert READY.pids == {"kafka": 11, "workers": [14]}


def test_what_is_written_is_read_again(tmp_path):
    """As long as who wrote it lives."""
    write(tmp_path, READY)
    assert read(tmp_path) == READY
    write(tmp_path, READY.with_pids({"api": 9}, 0, ready=True))
    assert read(tmp_path).pids == {"api": 9, "workers": []}
    assert [file.name for file in tmp_path.iterdir()] == ["status.json"]


def test_only_its_owner_may_read_it(tmp_path):
    """It holds keys."""
    write(tmp_path, READY)
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o600


def test_without_a_file_nothing_runs(tmp_path):
    """Nor where the folder is missing."""
    assert read(tmp_path) is None
    assert read(tmp_path / "missing") is None


def test_what_an_up_that_is_gone_left_behind_does_not_count(tmp_path):
    """Also after kill -9."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write(tmp_path, READY)
    left = json.loads((tmp_path / "status.json").read_text())
    (tmp_path / "status.json").write_text(json.dumps(left | {"owner": ended.pid}))
    assert read(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "5", "{}", '{"owner": "x"}', '{"owner": PID}'])
def test_a_damaged_file_does_not_count(tmp_path, content):
    """A crash in the middle of writing, or another version's file."""
    (tmp_path / "status.json").write_text(content.replace("PID", str(os.getpid())))
    assert read(tmp_path) is None
