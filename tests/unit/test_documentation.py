"""Do the pages say what the code does? Tables, commands, targets and links, each held against its source."""

from __future__ import annotations

import itertools
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs import reference
from tests.pages import blocks
from tests.pages.blocks import blocks_of, commands_of
from tests.unit.api.fakes import FakeStore
from tokentide.cli import cli
from tokentide.doctor.kinds import KINDS
from tokentide.events import Limits, Reason, decode
from tokentide.events.decode import MAX_EVENTS
from tokentide.events.nesting import MAX_NESTING
from tokentide.metrics import API_METRICS, COMMON_METRICS, WORKER_METRICS
from tokentide.serving.app import create_app
from tokentide.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
LINK = re.compile(r"\]\((?!https?://)([^)\s#]+)")
FIRST_CELL = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def text_of(page: str) -> str:
    """A page of the project, by its path."""
    return ROOT.joinpath(page).read_text(encoding="utf-8")


def console_lines(page: Path) -> Iterator[str]:
    """The commands that a page shows: lines after a prompt, or all lines of a script."""
    for block in blocks_of(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")):
        lines = block.text.replace("\\\n", " ").splitlines()
        if block.language == "console":
            yield from (command.text.replace("\\\n", " ").partition("\n")[0] for command in commands_of(block))
        elif block.language in {"bash", "sh", "shell"}:
            yield from (line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def problems_of_command(words: list[str]) -> list[str]:
    """What of a `tokentide …` line does not exist: a command, or an option of the command before it."""
    command: click.Command = cli
    waiting = iter(words)
    for word in waiting:
        if word.startswith("-") and word != "-":
            name, equals, _ = word.partition("=")
            takers = [p for p in command.params if isinstance(p, click.Option) and name in p.opts]
            if not takers and name not in {"-h", "--help"}:
                return [f"{command.name} has no option {word}"]
            if takers and not takers[0].is_flag and not equals:
                next(waiting, None)  # its value
        elif isinstance(command, click.Group):
            if word not in command.commands:
                return [f"{command.name} has no command {word}"]
            command = command.commands[word]
    return []


def problems_of_make(words: list[str]) -> list[str]:
    """Targets that the Makefile does not have."""
    targets = re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE)
    return [f"make has no target {word}" for word in words if "=" not in word and word not in targets]


def problems_of_line(line: str) -> list[str]:
    """What a shown command line names that does not exist."""
    words = list(itertools.takewhile("|".__ne__, shlex.split(line, comments=True)))
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words.pop(0)
    first, rest = words[0], words[1:]
    if first.rpartition("/")[2] == "tokentide":
        return problems_of_command(rest)
    if first == "make":
        return problems_of_make(rest)
    return [*problems_of_paths(words), *problems_of_module(words)]


def problems_of_paths(words: list[str]) -> list[str]:
    """Files and folders of the project that are not there."""
    named = [word for word in words if word.startswith(("tests/", "deploy/", "docs/", "src/"))]
    return [f"{word} does not exist" for word in named if not list(ROOT.glob(word))]


def problems_of_module(words: list[str]) -> list[str]:
    """A module of the tests that `python -m` would not find."""
    module = words[words.index("-m") + 1] if "-m" in words else ""
    place = ROOT / module.replace(".", "/")
    found = place.with_suffix(".py").exists() or (place / "__main__.py").exists()
    return [f"there is no module {module}"] if module.startswith("tests.") and not found else []


@pytest.mark.parametrize("page", sorted({page for page, _ in reference.TABLES}))
def test_reference_pages_are_those_of_the_code(page: str) -> None:
    """A page's tables are exactly what the code gives: `make docs` writes them again."""
    text = text_of(f"docs/{page}")
    assert reference.renewed(page, text) == text


def test_settings_page_lists_every_setting() -> None:
    """Each setting stands in the table once, by its full name, in the order of the model, and nothing else does."""
    listed = FIRST_CELL.findall(text_of("docs/settings.md"))
    assert listed == [f"TOKENTIDE_{name.upper()}" for name in Settings.model_fields]


def test_every_setting_has_a_meaning() -> None:
    """A setting without words is of no use to an operator."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_metrics_page_lists_every_metric() -> None:
    """Each metric stands in a table once, by its full name as a scrape shows it, and nothing else does."""
    listed = FIRST_CELL.findall(text_of("docs/metrics.md"))
    assert listed == [metric.name for metric in (*WORKER_METRICS, *API_METRICS, *COMMON_METRICS)]


def test_events_page_lists_every_reason() -> None:
    """The reasons of dead letters on the page are the closed set of the code."""
    reasons = text_of("docs/events.md").partition("## What is refused")[2]
    assert FIRST_CELL.findall(reasons) == [reason.value for reason in Reason]


def test_events_page_states_the_limits() -> None:
    """The limits that the page states in its text are those of the code."""
    text = text_of("docs/events.md")
    assert f"1 to {MAX_EVENTS:,} events" in text
    assert f"more than {MAX_EVENTS:,} events" in text
    assert f"no deeper than {MAX_NESTING} levels" in text


def test_shown_events_are_events() -> None:
    """Each event that a page shows is accepted as it stands."""
    text = re.sub(r"\$\(date [^)]*\)|\$NOW", "2026-04-20T10:01:33Z", "".join(map(text_of, blocks.PAGES)))
    shown = [event for event in re.findall(r'^\{"event_id".*\}$', text, re.MULTILINE) if '"project_id"' in event]
    assert len(shown) > 5
    assert {len(decode(event.encode(), 1_776_679_293_000, Limits()).events) for event in shown} == {1}


@pytest.mark.parametrize(("page", "least"), [("docs/guarantee.md", 26), ("docs/upgrading.md", 6)])
def test_named_tests_exist(page: str, least: int) -> None:
    """Each test that a page names for a claim is there, in the file that it names."""
    named = re.findall(r"`(tests/[\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", text_of(page))
    wanted = [(file, name) for file, names in named for name in re.findall(r"`(\w+)`", names)]
    assert len(wanted) >= least
    assert [place for place in wanted if f"def {place[1]}(" not in text_of(place[0])] == []


def test_doctor_page_lists_every_finding() -> None:
    """Each kind of finding stands in the table once, by the name that scripts know it by, and nothing else does."""
    findings = text_of("docs/doctor.md").partition("## What it finds")[2]
    assert FIRST_CELL.findall(findings) == list(KINDS)


def test_contributing_lists_every_folder() -> None:
    """Who looks for a place in the source or among the tests finds all of them listed, with a reason to be."""
    text = text_of("CONTRIBUTING.md")
    house = next(block.text for block in blocks_of("CONTRIBUTING.md", text) if block.text.startswith("src/tokentide/"))
    parts = {path.name for path in ROOT.glob("src/tokentide/[a-z]*") if path.suffix == ".py" or is_package(path)}
    assert parts - set(re.findall(r"[\w.]+", house)) == set()
    tests = {path.name for path in ROOT.glob("tests/[a-z]*") if is_package(path) or path.name == "golden"}
    assert tests - set(re.findall(r"^\| `tests/(\w+)/` \|", text, re.MULTILINE)) == set()


def is_package(path: Path) -> bool:
    """Whether a folder holds modules."""
    return any(path.glob("*.py"))


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_named_code_exists(page: str) -> None:
    """Each module, function and class that the walk names is there, under that name."""
    parts = "|".join(path.stem for path in ROOT.glob("src/tokentide/[a-z]*"))
    named = re.findall(rf"`((?:{parts})(?:\.\w+)+)`", text_of(page))
    assert [name for name in named if not name.endswith((".py", ".md")) and not is_there(name)] == []
    assert named or page != "docs/architecture.md"


def is_there(name: str) -> bool:
    """Whether a dotted name below `tokentide` leads to something."""
    try:
        pkgutil.resolve_name(f"tokentide.{name}")
    except (ImportError, AttributeError):
        return ROOT.joinpath("src/tokentide", *name.split(".")).is_dir()
    return True


def test_every_endpoint_has_a_page() -> None:
    """Each path that the API describes stands on a page, as it is called."""
    paths = create_app(Settings(), FakeStore()).openapi()["paths"]
    text = "".join(text_of(page) for page in blocks.PAGES if page.startswith("docs/"))
    assert len(paths) > 15
    assert [path for path in (*paths, "/metrics", "/healthz", "/readyz", "/docs") if path not in text] == []


def test_every_page_can_be_found() -> None:
    """The README leads to every page, so that none is only there for those who know of it."""
    pages = {str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")}
    assert pages - set(LINK.findall(text_of("README.md"))) == set()


def test_readme_links_to_settings_and_metrics() -> None:
    """Who opens the README finds the table of settings and the one of metrics."""
    assert {"docs/settings.md", "docs/metrics.md"} <= set(LINK.findall(text_of("README.md")))


def test_readme_lists_every_command() -> None:
    """The README's table of commands names each command that exists, and none that does not."""
    rows = re.findall(r"^\| (`tokentide .*?) \|", text_of("README.md"), re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`tokentide (\w+)`", row)]
    assert sorted(listed) == sorted(cli.commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_shown_commands_exist(page: Path) -> None:
    """Every command line that a page shows names only commands, options, targets and tests that exist."""
    assert [f"{line}: {what}" for line in console_lines(page) for what in problems_of_line(line)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_commands_exist(page: Path) -> None:
    """So do the commands and targets that stand in a page's text between backticks."""
    named = re.findall(r"`((?:tokentide|make)(?: [a-z-]+)+)`", page.read_text(encoding="utf-8"))
    assert [f"{line}: {what}" for line in named for what in problems_of_line(line)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page resolves."""
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "line",
    [
        "tokentide rollback",
        ".venv/bin/tokentide up --turbo",
        "tokentide keys steal",
        "tokentide up --log-format json",
        "make coffee",
        "A=1 .venv/bin/pytest tests/unit/test_nothing.py",
        ".venv/bin/python -m tests.nothing --short",
        "docker compose --file deploy/nothing.yml up",
    ],
)
def test_a_wrong_line_is_found(line: str) -> None:
    """What does not exist is noticed, so that the tests above can fail."""
    assert problems_of_line(line)


@pytest.mark.parametrize("line", ["tokentide --log-format json worker", "tokentide keys create --role read --org=me"])
def test_a_right_line_passes(line: str) -> None:
    """Options stand behind the command that has them."""
    assert problems_of_line(line) == []
