"""Which files make up the broker, and are they on this machine, whole and unaltered?

`kafka-<version>.sha256` lists every jar with its checksum, in the format of sha256sum and under the path it has in a
Maven repository. It was made once by resolving the coordinates below (`python -m tokentide.embedded.jars` prints it
again, for another version), so nothing is resolved on a user's machine: what is missing is fetched, by jgo, and only
bytes with the right checksum are ever put on a class path.

The files are kept per user in `$XDG_CACHE_HOME/tokentide` (`~/.cache/tokentide`). Two processes may ask at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tokentide.errors import DependencyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["KAFKA_VERSION", "Jar", "cache_folder", "fetch_from_maven", "kafka_jars", "parse_checksums"]

_logger = logging.getLogger(__name__)

KAFKA_VERSION = "4.3.1"

# The `!` turns off dependency management by these artifacts: log4j's would bring kafka-clients 3.9.1 in.
_COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!"
    "+org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"
    "+org.apache.logging.log4j:log4j-core:2.25.4!"
)
_DOWNLOADS_AT_ONCE = 8
_DOWNLOAD_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Jar:
    """A file of a Maven repository, by its path there (`group/as/folders/artifact/version/file`) and its SHA-256."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """The bare file name, unique among the jars of one broker."""
        return self.path.rpartition("/")[2]


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where this user's machine keeps what can be fetched again."""
    base = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tokentide"


def parse_checksums(text: str) -> list[Jar]:
    """The jars listed in sha256sum's format; lines that start with # are remarks."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return [Jar(path=path.lstrip("*"), sha256=sha256) for sha256, path in lines]


def kafka_jars(
    cache: Path,
    *,
    report: Callable[[str], None] = _logger.info,
    fetch: Callable[[Jar, Path], Path] | None = None,
    jars: Sequence[Jar] | None = None,
) -> list[Path]:
    """The broker's class path: every jar, checked now; those that are missing are fetched first.

    Args:
        cache: Folder to keep them in, see `cache_folder`.
        report: Told, in words, that a download began and how far it is.
        fetch: Downloads one jar below a folder and returns the file; `fetch_from_maven` when None.
        jars: What to have; the pinned list of this package when None.

    Raises:
        DependencyUnavailable: A jar cannot be had, or is not what it should be; with what to do.
    """
    wanted = jars if jars is not None else _pinned_jars()
    folder = cache / f"kafka-{KAFKA_VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(cache / f"kafka-{KAFKA_VERSION}.lock"):
        if missing := [jar for jar in wanted if not (folder / jar.name).exists()]:
            _fetch_all(missing, folder, fetch or fetch_from_maven, report)
    for jar in wanted:
        _require_intact(folder / jar.name, jar)
    return [folder / jar.name for jar in wanted]


def fetch_from_maven(jar: Jar, folder: Path) -> Path:
    """Downloads one jar below `folder` (or finds it in the user's own Maven repository) and returns the file."""
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415  an optional dependency, needed for a download only
        from jgo.constants import MAVEN_CENTRAL_URL, default_maven_repo  # noqa: PLC0415  as above
        from jgo.maven import MavenContext  # noqa: PLC0415  as above
    except ImportError as error:
        raise DependencyUnavailable("jgo is not installed: pip install 'tokentide[embedded]'") from error
    mirrors = GlobalSettings.load().repositories
    context = MavenContext(
        repo_cache=folder,
        local_repos=[default_maven_repo()],
        remote_repos={**mirrors, "central": MAVEN_CENTRAL_URL},
        timeout=_DOWNLOAD_SECONDS,
    )
    group, artifact, version, _ = jar.path.rsplit("/", 3)
    return Path(context.project(group.replace("/", "."), artifact).at_version(version).artifact().resolve())


def _fetch_all(
    jars: Sequence[Jar], folder: Path, fetch: Callable[[Jar, Path], Path], report: Callable[[str], None]
) -> None:
    report(f"fetching Apache Kafka {KAFKA_VERSION} from Maven Central: {len(jars)} files, kept in {folder}")
    with tempfile.TemporaryDirectory(dir=folder) as staging, ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:

        def fetch_one(jar: Jar) -> None:
            found = fetch(jar, Path(staging))
            _require_intact(found, jar)
            half = Path(staging) / jar.name
            shutil.copyfile(found, half)
            half.replace(folder / jar.name)

        try:
            for done, _ in enumerate(pool.map(fetch_one, jars), start=1):
                if done % 10 == 0 or done == len(jars):
                    report(f"fetched {done} of {len(jars)} files")
        except (OSError, RuntimeError) as error:
            raise DependencyUnavailable(
                f"Apache Kafka {KAFKA_VERSION} cannot be fetched ({error}): this machine needs Maven Central once, or "
                f"the files of {_checksums_file().name} put into {folder}, or a broker elsewhere (--kafka HOST:PORT)"
            ) from error


def _require_intact(file: Path, jar: Jar) -> None:
    with file.open("rb") as opened:
        actual = hashlib.file_digest(opened, "sha256").hexdigest()
    if actual != jar.sha256:
        raise DependencyUnavailable(
            f"{file} is not the file it should be (SHA-256 {actual}, expected {jar.sha256}): "
            "delete it to have it fetched again; if that does not help, ask who stands between you and Maven Central"
        )


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _checksums_file() -> Path:
    return Path(__file__).with_name(f"kafka-{KAFKA_VERSION}.sha256")


def _pinned_jars() -> list[Jar]:
    return parse_checksums(_checksums_file().read_text(encoding="utf-8"))


def _resolve(folder: Path) -> list[Jar]:
    """What the coordinates stand for today, with everything they need, downloaded below `folder`."""
    from jgo.maven import MavenContext  # noqa: PLC0415  an optional dependency, needed to make a new list only
    from jgo.parse import Endpoint  # noqa: PLC0415  as above

    context = MavenContext(repo_cache=folder, timeout=_DOWNLOAD_SECONDS)
    asked = [replace(coordinate, scope="compile") for coordinate in Endpoint.parse(_COORDINATES).coordinates]
    roots, needed = context.resolver.resolve([context.create_dependency(coordinate) for coordinate in asked])
    found = [*roots, *(dependency for dependency in needed if dependency.scope in {"compile", "runtime"})]
    files = [Path(dependency.artifact.resolve()) for dependency in found]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return sorted(
        (Jar(str(file.relative_to(folder)), digest) for file, digest in zip(files, digests, strict=True)),
        key=lambda jar: jar.path,
    )


def main() -> None:
    """Prints the list of jars to pin, for whoever raises the version."""
    with tempfile.TemporaryDirectory() as folder:
        jars = _resolve(Path(folder))
    sys.stdout.write(f"# Apache Kafka {KAFKA_VERSION}: what {_COORDINATES} stands for\n")
    sys.stdout.writelines(f"{jar.sha256}  {jar.path}\n" for jar in jars)


if __name__ == "__main__":
    main()
