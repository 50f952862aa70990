"""Children that start, answer, and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.embedded.waiting import eventually, is_alive
from tokentide.embedded.processes import spawn, wait_until_ready
from tokentide.errors import DependencyUnavailable

SLEEPER = ["sleep", "60"]
STUBBORN = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]


@pytest.fixture
def start(tmp_path):
    """Starts children and kills those that a test leaves."""
    started = []

    def start(command, **options):
        child = spawn("child", command, log=tmp_path / "logs" / "child.log", **options)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()


def says_ready(child):
    return lambda: "ready" in child.log_tail()


def test_the_child_is_the_program_itself(start):
    """Its process id is the program's, with no wrapper in between."""
    child = start(SLEEPER)
    name = Path(f"/proc/{child.pid}/comm")
    eventually(lambda: name.read_text() == "sleep\n")


def test_output_goes_to_the_log(start):
    """Both streams are appended to one file."""
    child = start(["sh", "-c", "echo one; echo two >&2"])
    assert child.wait(10) == 0
    assert child.log_tail() == "one\ntwo"
    assert child.log_tail(1) == "two"
    start(["echo", "three"]).wait(10)
    assert child.log_tail() == "one\ntwo\nthree"


def test_a_large_log_is_put_aside(start, monkeypatch):
    """A log over the bound is renamed at the next start, so a folder does not grow without end."""
    monkeypatch.setattr("tokentide.embedded.processes._LOG_CAP_BYTES", 3)
    start(["echo", "old and long"]).wait(10)
    child = start(["echo", "new"])
    child.wait(10)
    assert child.log.read_text() == "new\n"
    assert child.log.with_name("child.log.1").read_text() == "old and long\n"


def test_environment_and_folder_are_the_callers(start, tmp_path):
    """A child runs with the environment and in the folder it is given."""
    child = start(["sh", "-c", "echo $MARK; pwd"], env={"PATH": os.environ["PATH"], "MARK": "m"}, cwd=tmp_path)
    child.wait(10)
    assert child.log_tail() == f"m\n{tmp_path}"


def test_stop_asks_first(start):
    """A program that ends on SIGTERM is not killed."""
    child = start(["sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"])
    wait_until_ready(child, says_ready(child), 10)
    assert child.stop(10) == 7


def test_stop_kills_at_the_deadline(start):
    """A program that does not listen is killed."""
    child = start(STUBBORN)
    wait_until_ready(child, says_ready(child), 10)
    assert child.stop(0.2) == -signal.SIGKILL


def test_a_suspended_child_can_be_stopped(start):
    """SIGSTOP does not make a child wait for the deadline."""
    child = start(SLEEPER)
    eventually(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")
    child.send_signal(signal.SIGSTOP)
    assert child.stop(10) == -signal.SIGTERM


def test_a_program_that_is_not_there_says_so(start):
    """The name of the missing program is in the error."""
    child = start(["/no/such/program"])
    with pytest.raises(DependencyUnavailable, match=r"exit code 1; .*\ncannot start /no/such/program"):
        wait_until_ready(child, lambda: False, 10)


def test_waiting_ends_when_the_child_does(start):
    """A child that died is not waited for, and its last words are in the error."""
    child = start(["sh", "-c", "echo the port is taken; exit 4"])
    with pytest.raises(DependencyUnavailable, match=r"child ended with exit code 4; the end of .*child.log:\nthe port"):
        wait_until_ready(child, lambda: False, 30)


def test_waiting_ends_at_the_deadline(start):
    """A child that never answers is a failed start."""
    with pytest.raises(DependencyUnavailable, match=r"child did not answer in 0 s"):
        wait_until_ready(start(SLEEPER), lambda: False, 0.1)


def test_a_child_must_be_started_by_the_main_thread(start):
    """A child would end with the thread that started it, so any other thread is refused."""
    errors = []

    def attempt():
        try:
            start(SLEEPER)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "main thread" in errors[0]


PARENT = """
import sys, time
from pathlib import Path
from tokentide.embedded.processes import spawn
for name in ("one", "two"):
    print(spawn(name, ["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 0.1; done"], log=Path(sys.argv[1])).pid)
sys.stdout.flush()
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_its_parent(tmp_path, number):
    """Whatever ends the parent, kill -9 included, its children are gone at once, even those that ignore signals."""
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(map(is_alive, pids))
        parent.send_signal(number)
        parent.wait(10)
    eventually(lambda: not any(map(is_alive, pids)), deadline_seconds=10)
