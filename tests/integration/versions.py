"""Other versions of this program, made of its own source: with the schema of a release before, or of one to come."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tokentide
from tokentide.store.migrate import EXPECTED_VERSION

__all__ = ["Version", "a_version"]

_SOURCE = Path(tokentide.__file__).parent


@dataclass(frozen=True)
class Version:
    """A version: what it calls itself, and where its package is."""

    name: str
    folder: Path

    def command(self, command: str) -> tuple[str, ...]:
        """What Python is called with to run one of its commands."""
        run = f"import sys; sys.path.insert(0, {str(self.folder)!r}); sys.argv = ['tokentide', {command!r}]"
        return ("-c", f"{run}; from tokentide.cli import main; main()")


def a_version(folder: Path, name: str, *, knows: int, more: Mapping[str, str] | None = None) -> Version:
    """Make one in a folder.

    Args:
        folder: where it goes; made.
        name: its version.
        knows: the number of the last file of today's schema that it has.
        more: files that it adds, by their names without ending; with the numbers that come next.
    """
    package = folder / "tokentide"
    shutil.copytree(_SOURCE, package, ignore=shutil.ignore_patterns("__pycache__"))
    schema = package / "store" / "schema"
    for file in schema.glob("*.sql"):
        if int(file.name[:3]) > knows:
            file.unlink()
    for file_name, statement in (more or {}).items():
        schema.joinpath(f"{file_name}.sql").write_text(statement)
    newest = max(int(file.name[:3]) for file in schema.glob("*.sql"))
    migrating = package / "store" / "migrate.py"
    text, count = re.subn(
        rf"^EXPECTED_VERSION = {EXPECTED_VERSION}$",
        f"EXPECTED_VERSION = {newest}",
        migrating.read_text(),
        flags=re.MULTILINE,
    )
    assert count == 1
    migrating.write_text(text)
    about = folder / f"tokentide-{name}.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: tokentide\nVersion: {name}\n")
    return Version(name, folder)
