"""Who may use a data folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.embedded.waiting import eventually, is_alive
from tokentide.embedded.folder import DataFolder
from tokentide.errors import DependencyUnavailable, SettingsError

OWNER = """
import sys, time
from pathlib import Path
from tokentide.embedded.folder import DataFolder
with DataFolder(Path(sys.argv[1])) as folder:
    print(folder.spawn("part", ["sleep", "60"]).pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that uses the folder and has a part running; and that part's process id."""
    command = [sys.executable, "-c", OWNER, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def test_a_folder_is_made_for_its_owner_alone(tmp_path):
    """A new folder is closed to other users of the machine."""
    with DataFolder(tmp_path / "new" / "data") as folder:
        assert folder.path.stat().st_mode & 0o077 == 0


def test_a_folder_in_use_is_refused(tmp_path, owner):
    """The error names the folder and the process that has it."""
    process, _ = owner
    with (
        pytest.raises(SettingsError, match=rf"data folder {tmp_path}/data is in use by process {process.pid}: stop it"),
        DataFolder(tmp_path / "data"),
    ):
        pass


def test_a_folder_works_again_after_kill_9(tmp_path, owner):
    """Nobody has to clean up after a killed owner: its part ends, and the folder is free."""
    process, part = owner
    process.kill()
    with DataFolder(tmp_path / "data") as folder:
        assert not is_alive(part)
        assert folder.spawn("part", ["true"]).wait(10) == 0


def test_a_part_that_does_not_end_keeps_the_folder_closed(tmp_path):
    """A new owner does not start beside the parts of an old one."""
    with DataFolder(tmp_path) as folder:
        left = folder.spawn("part", ["sleep", "60"])
    try:
        with (
            pytest.raises(DependencyUnavailable, match=r"parts of an earlier run still use .*`fuser "),
            DataFolder(tmp_path, parts_deadline_seconds=0.1),
        ):
            pass
    finally:
        left.kill()
    with DataFolder(tmp_path):
        pass


def test_a_new_owner_waits_for_parts_that_are_ending(tmp_path):
    """The moment between the end of an owner and of its parts is no error."""
    with DataFolder(tmp_path) as folder:
        ending = folder.spawn("part", ["sleep", "0.5"])
    with DataFolder(tmp_path):
        eventually(lambda: ending.exit_code is not None)


def test_a_folder_can_be_used_one_after_the_other(tmp_path):
    """Leaving gives the folder back, with the ports it had."""
    with DataFolder(tmp_path) as folder:
        ports = folder.ports(["a"])
    with DataFolder(tmp_path) as folder:
        assert folder.ports(["a"]) == ports


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path):
    """A file in the way is a wrong setting."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"data folder .*file cannot be used"), DataFolder(tmp_path / "file"):
        pass
