"""How a page's words become those of a run, and what a page's shell remembers."""

from __future__ import annotations

import pytest

from tests.pages.running import Running, Words
from tests.pages.shell import Shell

STATUS = {
    "kafka": "127.0.0.1:30000",
    "clickhouse": "http://127.0.0.1:30002",
    "api": "http://127.0.0.1:30004",
    "metrics": ["http://127.0.0.1:30006/metrics"],
}


@pytest.fixture
def words():
    return Words(Running("", STATUS, {}).addresses, "pg07")


@pytest.fixture
def shell(tmp_path):
    opened = Shell(tmp_path, tmp_path, {"PATH": "/usr/bin:/bin", "GREETING": "hello"})
    yield opened
    opened.end()


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        (
            "curl http://127.0.0.1:8420/v1/projects/demo/overview",
            "curl http://127.0.0.1:30004/v1/projects/pg07/overview",
        ),
        ("curl http://127.0.0.1:8421/metrics", "curl http://127.0.0.1:30006/metrics"),
        (
            "curl http://WORKER/readyz http://API/readyz",
            "curl http://127.0.0.1:30006/readyz http://127.0.0.1:30004/readyz",
        ),
        ("kcat -b 127.0.0.1:9092", "kcat -b 127.0.0.1:30000"),
        ("curl http://127.0.0.1:8123/ping", "curl http://127.0.0.1:30002/ping"),
        ("tokentide account show --org demo", "tokentide account show --org pg07"),
        ("tokentide demo; make demo; demonstrate", "tokentide demo; make demo; demonstrate"),
    ],
)
def test_a_page_s_words(words, shown, real):
    """Ports and the project are those of the run, and nothing else changes."""
    assert words.to_real(shown) == real


def test_what_was_printed_in_the_page_s_words(words):
    """The way back, so that an answer is compared as the page would have it."""
    printed = '{"at": "http://127.0.0.1:30004/docs", "project": "pg07"}'
    assert words.to_shown(printed) == '{"at": "http://127.0.0.1:8420/docs", "project": "demo"}'


def test_what_a_page_calls_an_id(words):
    """Later commands mean what was printed; its first meaning stays."""
    words.learn({"3:1204:0": "0:7:1"})
    words.learn({"3:1204:0": "0:8:1"})
    assert words.to_real("tokentide dead show 3:1204:0") == "tokentide dead show 0:7:1"


def test_a_shell_remembers(shell):
    """Commands of a page share their variables, and know of the world what they are given."""
    assert shell.run("NAME=world").code == 0
    assert shell.run('echo "$GREETING $NAME"; echo oh >&2').text == "hello world\n"
    assert shell.run("echo oh >&2").complaint == "oh\n"


def test_a_shell_tells_how_a_command_ended(shell):
    """By its exit code; a command that reads finds nothing, and the next one is run all the same."""
    assert shell.run("cat; false").code == 1
    assert shell.run("cat <<END\n$GREETING\nEND").text == "hello\n"
