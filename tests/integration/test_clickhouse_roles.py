"""Are the rights of deploy/clickhouse/roles.sql enough for each program, and not more than it needs?

Each role's statements run on ClickHouse's engine with these rights alone; and each right is held against those that the
engine says were used. What cannot be seen there (replication, sessions of users) is named below.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.integration.privileges import FILE, ROLES, grants
from tokentide.store import Store
from tokentide.store.port import Query

UNSEEN = {("CLUSTER", "*.*"), ("TABLE ENGINE", "ReplicatedReplacingMergeTree")}
"""What only a replicated store asks for, and so nothing here."""

Right = tuple[str, str]
"""A verb, and what it is done to."""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[Right]]:
    """What each role used, when it did its work with its own rights alone."""
    folder = tmp_path_factory.mktemp("roles")
    found = {}
    for role in ROLES:
        command = [sys.executable, "-m", "tests.integration.privileges", role, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        found[role] = {right for each in json.loads(done.stdout) for right in rights(each)}
    return found


def rights(text: str) -> Iterator[Right]:
    """The verbs of a grant, each with what it is done to; columns are left out."""
    verbs, _, target = text.rpartition(" ON ")
    for verb in re.sub(r"\([^)]*\)", "", verbs).split(", "):
        yield verb, target


def covers(given: Right, wanted: Right) -> bool:
    """Whether a right is that one, or the same one on the whole database."""
    (verb, target), (wanted_verb, wanted_target) = given, wanted
    return verb == wanted_verb and target in {wanted_target, f"{wanted_target.partition('.')[0]}.*"}


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_no_right_is_too_much(used: dict[str, set[Right]], role: str) -> None:
    """Every right that a role has was used by its program."""
    given = {right for to, what in grants() if to == role for right in rights(what)}
    assert given
    assert [right for right in sorted(given - UNSEEN) if not any(covers(right, one) for one in used[role])] == []


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_no_right_on_our_tables_is_missing(used: dict[str, set[Right]], role: str) -> None:
    """What a program does to our tables is granted by name, whatever the engine lets everybody do."""
    given = {right for to, what in grants() if to == role for right in rights(what)}
    ours = {one for one in used[role] if one[1].startswith("tokentide.") and not one[0].startswith("SHOW")}
    assert ours
    assert [one for one in sorted(ours) if not any(covers(right, one) for right in given)] == []


@pytest.mark.slow
def test_only_people_make_keys(used: dict[str, set[Right]]) -> None:
    """A service that is broken into can neither make a key nor change a rollup that is not its own to write."""
    writes = {
        role: {target for verb, target in found if verb in {"INSERT", "ALTER DELETE"}} for role, found in used.items()
    }
    assert writes["api"] == {"tokentide.key_uses"}
    assert not writes["worker"] & {"tokentide.access_keys", "tokentide.accounts", "tokentide.projects"}
    assert writes["migrate"] == {"tokentide.schema_migrations"}


@pytest.mark.parametrize("name", ["roles.sql", "users.sql"])
def test_statements_can_be_read(chdb_store: Store, name: str) -> None:
    """ClickHouse's own parser takes every statement."""
    text = re.sub(r"--[^\n]*", "", (FILE.parent / name).read_text(encoding="utf-8"))
    statements = [statement.strip() for statement in text.split(";") if statement.strip()]
    assert len(statements) > len(ROLES)
    for statement in statements:
        assert chdb_store.ask(Query("parsed", f"EXPLAIN AST {statement}"))


def test_every_role_has_its_user() -> None:
    """Each role that roles.sql makes is given to one user, whose password comes from the environment."""
    roles = re.findall(r"^CREATE ROLE IF NOT EXISTS (\w+)_role;", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    users = (FILE.parent / "users.sql").read_text(encoding="utf-8")
    assert sorted(roles) == sorted(f"tokentide_{role}" for role in ROLES)
    assert re.findall(r"^GRANT (\w+)_role TO (\w+);", users, re.MULTILINE) == [(role, role) for role in roles]
    for role in roles:
        password = f"${{{role.removeprefix('tokentide_').upper()}_PASSWORD}}"
        assert len(re.findall(rf"USER (?:IF NOT EXISTS )?{role} .*'{re.escape(password)}'", users)) == 2
