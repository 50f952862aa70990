"""How `reconcile`, `rebuild` and `dead` are called: what makes no sense is said before anything is read."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tokentide.cli import cli
from tokentide.reconcile import run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rebuild"], "Missing option '--from'"),
        (["rebuild", "--from", "2026-04-20T00:00:00Z"], "Missing option '--to'"),
        (["reconcile", "--from", "yesterday"], "Invalid value for --from"),
        (["reconcile", "--from", "2026-04-20T10:00:00Z", "--to", "2026-04-20T10:00:00Z"], "must be later than --from"),
        (["reconcile", "--rows", "1"], "1 is not in the range"),
        (["dead", "replay"], "Say which letters"),
        (["dead", "list", "--reason", "ugly"], "'ugly' is none of not_json"),
    ],
)
def test_wrong_use(arguments, said):
    """Exit code 2, with the option at fault."""
    done = CliRunner().invoke(cli, arguments)
    assert (done.exit_code, said in done.output) == (2, True)


def test_hours_are_whole(monkeypatch):
    """A moment within an hour means the whole of it, at either end."""
    asked = []
    monkeypatch.setattr(run, "run", lambda _, wanted, **__: asked.append(wanted) or 0)
    times = ["--from", "2026-04-20T10:59:59Z", "--to", "2026-04-20T11:00:00.001Z"]
    done = CliRunner().invoke(cli, ["rebuild", *times, "--partition", "2", "--partition", "5"])
    assert done.exit_code == 0, done.output
    (wanted,) = asked
    assert (wanted.span.begin % 3600, wanted.span.end - wanted.span.begin) == (0, 7200)
    assert (wanted.partitions, wanted.explicit) == (frozenset({2, 5}), True)
