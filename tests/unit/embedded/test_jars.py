"""Which files make up the broker, checked."""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from importlib import resources
from pathlib import Path

import pytest

from tokentide.embedded.jars import KAFKA_VERSION, Jar, cache_folder, kafka_jars, parse_checksums
from tokentide.errors import DependencyUnavailable


def jar(name: str, content: bytes) -> Jar:
    return Jar(f"org/example/{name}/1/{name}-1.jar", hashlib.sha256(content).hexdigest())


class Mirror:
    """A repository in memory, in the place of Maven Central."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.asked: list[str] = []

    def fetch(self, wanted: Jar, folder: Path) -> Path:
        """Puts the file below the folder, or says that there is none."""
        self.asked.append(wanted.name)
        if wanted.name not in self.contents:
            raise RuntimeError(f"{wanted.name} not found")
        file = folder / "downloads" / wanted.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.contents[wanted.name])
        return file


JARS = [jar("a", b"A"), jar("b", b"B")]
WHOLE = {"a-1.jar": b"A", "b-1.jar": b"B"}


def test_missing_files_are_fetched_once(tmp_path):
    """The first call downloads and says so; the second finds everything and is silent."""
    mirror, said = Mirror(WHOLE), []
    first = kafka_jars(tmp_path, fetch=mirror.fetch, jars=JARS, report=said.append)
    assert [file.read_bytes() for file in first] == [b"A", b"B"]
    assert "fetching Apache Kafka" in said[0]
    assert kafka_jars(tmp_path, fetch=mirror.fetch, jars=JARS, report=said.append) == first
    assert sorted(mirror.asked) == ["a-1.jar", "b-1.jar"]
    assert said[-1] == "fetched 2 of 2 files"


def test_nothing_but_the_files_stays_behind(tmp_path):
    """No half-finished download is left in the folder."""
    kafka_jars(tmp_path, fetch=Mirror(WHOLE).fetch, jars=JARS)
    assert sorted(file.name for file in (tmp_path / f"kafka-{KAFKA_VERSION}").iterdir()) == ["a-1.jar", "b-1.jar"]


def test_a_wrong_download_is_refused_and_not_kept(tmp_path):
    """Bytes with another checksum never reach the class path."""
    mirror = Mirror({**WHOLE, "b-1.jar": b"something else"})
    with pytest.raises(DependencyUnavailable, match=r"b-1.jar is not the file it should be"):
        kafka_jars(tmp_path, fetch=mirror.fetch, jars=JARS)
    assert not (tmp_path / f"kafka-{KAFKA_VERSION}" / "b-1.jar").exists()


def test_a_file_altered_later_is_refused(tmp_path):
    """Every start checks every file, and the error says what to do."""
    files = kafka_jars(tmp_path, fetch=Mirror(WHOLE).fetch, jars=JARS)
    files[0].write_bytes(b"altered")
    with pytest.raises(DependencyUnavailable, match=r"a-1.jar is not the file .* delete it"):
        kafka_jars(tmp_path, fetch=Mirror(WHOLE).fetch, jars=JARS)


def test_an_unreachable_repository_says_what_to_do(tmp_path):
    """Without a network the error names the ways out, and a later call goes on from what is there."""
    with pytest.raises(DependencyUnavailable, match=r"b-1.jar not found.*--kafka HOST:PORT"):
        kafka_jars(tmp_path, fetch=Mirror({"a-1.jar": b"A"}).fetch, jars=JARS)
    mirror = Mirror(WHOLE)
    kafka_jars(tmp_path, fetch=mirror.fetch, jars=JARS)
    assert mirror.asked == ["b-1.jar"]


def test_two_at_once_fetch_each_file_once(tmp_path):
    """Whoever comes second waits and finds the files."""
    mirror = Mirror(WHOLE)
    call = functools.partial(kafka_jars, tmp_path, fetch=mirror.fetch, jars=JARS)
    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(mirror.asked) == ["a-1.jar", "b-1.jar"]


def test_the_pinned_list_is_whole():
    """It names Kafka's own jars in one version, its logging, each file once, each with a SHA-256."""
    text = (resources.files("tokentide.embedded") / f"kafka-{KAFKA_VERSION}.sha256").read_text()
    jars = parse_checksums(text)
    names = [each.name for each in jars]
    assert len(jars) == len(set(names)) == 46
    assert {f"kafka_2.13-{KAFKA_VERSION}.jar", f"kafka-clients-{KAFKA_VERSION}.jar"} <= set(names)
    assert {name for name in names if name.startswith("kafka")} == {
        name for name in names if name.startswith("kafka") and name.endswith(f"-{KAFKA_VERSION}.jar")
    }
    assert any(name.startswith("log4j-slf4j-impl-") for name in names)
    assert all(re.fullmatch(r"[0-9a-f]{64}", each.sha256) for each in jars)
    assert all(each.path.rsplit("/", 3)[2] in each.name for each in jars)


def test_checksums_are_read_in_the_format_of_sha256sum():
    """Remarks and empty lines are passed over; the star of binary mode is not part of the name."""
    assert parse_checksums("# a remark\n\nabc  org/x/1/x-1.jar\ndef *y.jar\n") == [
        Jar("org/x/1/x-1.jar", "abc"),
        Jar("y.jar", "def"),
    ]


def test_the_cache_folder_is_the_users():
    """XDG_CACHE_HOME decides, else ~/.cache."""
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/tokentide")
    assert cache_folder({}) == Path.home() / ".cache" / "tokentide"
