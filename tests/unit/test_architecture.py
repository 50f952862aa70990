"""Does the house keep its own rules? Each is a function over the parsed modules, held against the source here.

A rule answers with its breaches as `file:line: what`. The last test shows a breach of each rule, and that it is found.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import House, called_at_import, eager_needs, imports, in_full, parsed, value_classes, way_back

ROOT = Path(__file__).parents[2]

MOST_LINES = 250
LONGER = {
    "src/tokentide/events/decode.py": (300, "the fast way and the slow way to one verdict are read side by side"),
    "src/tokentide/rollups/fold.py": (310, "one state and its laws, on the hot path: its methods share every field"),
    "src/tokentide/worker/pipeline.py": (320, "one life cycle, whose steps only hold in their order"),
}
"""Modules that may be longer: up to how many lines, and why they are better in one piece."""

NEVER_NAMES = {"base", "common", "helper", "helpers", "impl", "manager", "misc", "util", "utils"}

READS_THE_CLOCK = {
    *(f"datetime.datetime.{name}" for name in ("now", "today", "utcnow")),
    *(f"time.{name}" for name in ("ctime", "gmtime", "localtime", "time", "time_ns")),
    "datetime.date.today",
}
NOT_PURE = ("asyncio", "io", "logging", "os", "random", "secrets", "socket", "subprocess", "threading", "time")

PURE_CORES = {
    *(f"tokentide.dead.{name}" for name in ("ledger", "letter", "projects", "selection")),
    *(f"tokentide.doctor.{name}" for name in ("finding", "report")),
    *(
        f"tokentide.doctor.judging.{name}"
        for name in ("access", "clocks", "group", "services", "settings", "store", "topics")
    ),
    *(f"tokentide.reconcile.{name}" for name in ("counting", "judging", "sieve", "span")),
}

STORE_OF_THE_WORKER = tuple(f"tokentide.store.{name}" for name in ("days", "fitness", "open_store", "port", "rows"))
QUERIES_OF_THE_WORKER = "tokentide.store.queries"

DEFINING_LIBRARIES = (
    *(
        "abc",
        "click",
        "collections",
        "contextlib",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fastapi",
        "fractions",
        "functools",
    ),
    *("ipaddress", "itertools", "msgspec", "operator", "pathlib", "pydantic", "string", "struct", "types", "typing"),
)
DEFINING_CALLS = {
    *("bool", "bytes", "dict", "float", "frozenset", "int", "list", "range", "set", "str", "tuple"),
    *("classmethod", "enumerate", "len", "map", "max", "min", "property", "sorted", "staticmethod", "sum", "zip"),
    *("importlib.metadata.version", "logging.getLogger", "re.compile", "typing_extensions.override"),
}
METHODS_OF_VALUES = {"encode", "format", "items", "join", "keys", "replace", "split", "total_seconds", "values"}
DEFINES = {
    "tokentide.api.tiers.reader_by_tier": "a dependency, made for the tiers of a surface",
    "tokentide.cli.account._Dollars": "a type of options",
    "tokentide.cli.account.account.command": "the tree of commands is data",
    "tokentide.cli.capacity._load_options": "options are data",
    "tokentide.cli.cli.add_command": "the tree of commands is data",
    "tokentide.cli.commands._up_options": "options that two commands share",
    "tokentide.cli.dead._conditions": "options that commands share",
    "tokentide.cli.dead.dead.command": "the tree of commands is data",
    "tokentide.cli.keys.keys.command": "the tree of commands is data",
    "tokentide.cli.layout.examples": "text of a command's help",
    "tokentide.cli.llm._asking": "options that three commands share",
    "tokentide.cli.llm.llm.command": "the tree of commands is data",
    "tokentide.cli.reconcile._shared": "options that commands share",
    "tokentide.demo.chance.spread": "weights added up: a constant",
    "tokentide.events.fast.struct_from": "a class, generated so that it cannot differ from its model",
    "tokentide.events.values._Seconds": "an empty dict that fills itself",
    "tokentide.store.queries.sources._count": "text of a column",
    "tokentide.store.queries.sources._sum": "text of a column",
}
"""What of this project may be called when a module is imported besides its plain value classes, and why."""

Rule = Callable[[House], list[str]]


@pytest.fixture(scope="module")
def house() -> House:
    """Every module of the source."""
    files = sorted(ROOT.joinpath("src").rglob("*.py"))
    return [parsed(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in files]


# The rules


def forbidden(house: House, parts: set[str], *modules: str) -> list[str]:
    """Imports of any of the modules in any of the parts."""
    return [
        module.breach(entry.node, f"{module.part} must not import {entry.name}")
        for module in house
        if module.part in parts
        for entry in imports(module)
        if entry.within(*modules)
    ]


def foreign(house: House, part: str, *allowed: str) -> list[str]:
    """Imports of a part that are neither allowed nor of the standard library."""
    return [
        module.breach(entry.node, f"{part} must not import {entry.name}")
        for module in house
        if module.part == part
        for entry in imports(module)
        if not entry.within(*allowed, *sys.stdlib_module_names)
    ]


def rollups_are_pure(house: House) -> list[str]:
    """Only numbers, the contract and themselves; no clock, no chance, no machine, no words to anyone."""
    own = ("msgspec", "numpy", "typing_extensions", "tokentide.events", "tokentide.rollups")
    return foreign(house, "rollups", *own) + forbidden(house, {"rollups"}, *NOT_PURE)


def events_are_pure(house: House) -> list[str]:
    """Only the libraries that describe and decode, and themselves."""
    own = ("annotated_types", "msgspec", "numpy", "pydantic", "typing_extensions", "tokentide.events")
    return foreign(house, "events", *own) + forbidden(house, {"events"}, *NOT_PURE)


def capacity_is_arithmetic(house: House) -> list[str]:
    """Numbers in, numbers out."""
    return foreign(house, "capacity", "tokentide.capacity") + forbidden(house, {"capacity"}, *NOT_PURE)


def adapters_are_pure(house: House) -> list[str]:
    """What reads other formats, and judges events, has no effects, and knows neither requests nor the store."""
    pure = ("tokentide.gateway.adapters", "tokentide.gateway.judging")
    effects = (*NOT_PURE, "aiokafka", "fastapi", "starlette", "tokentide.api", "tokentide.clock", "tokentide.store")
    return [
        module.breach(entry.node, f"{module.name} must not import {entry.name}")
        for module in house
        if module.name.startswith(pure)
        for entry in imports(module)
        if entry.within(*effects)
    ]


def the_service_does_without_the_worker(house: House) -> list[str]:
    """Not even by way of others."""
    reached, modules = {"tokentide.serving"}, {module.name: module for module in house}
    found, waiting = [], [name for name in modules if name.startswith(("tokentide.api", "tokentide.serving"))]
    while waiting:
        module = modules[waiting.pop()]
        for entry in imports(module):
            if entry.within("tokentide.worker"):
                found.append(module.breach(entry.node, f"the API must not reach {entry.name}"))
            for name in {entry.name, entry.name.rpartition(".")[0]} & modules.keys() - reached:
                reached.add(name)
                waiting.append(name)
    return found


def the_service_is_put_together_at_one_place(house: House) -> list[str]:
    """Answers know nothing of the gateway, which uses what they have for access; neither knows who serves them."""
    return forbidden(house, {"api"}, "tokentide.gateway") + forbidden(house, {"api", "gateway"}, "tokentide.serving")


def nobody_imports_the_command_line(house: House) -> list[str]:
    """But `python -m tokentide`, and itself."""
    return forbidden(house, {module.part for module in house} - {"cli", "__main__"}, "tokentide.cli")


def worker_sees_the_store_through_its_port(house: House) -> list[str]:
    """And through rows and queries, which are data."""
    return [
        module.breach(entry.node, f"the worker must not import {entry.name}")
        for module in house
        if module.part == "worker"
        for entry in imports(module)
        if entry.within("tokentide.store", "clickhouse_connect", "chdb")
        and not entry.within(*STORE_OF_THE_WORKER, QUERIES_OF_THE_WORKER)
    ]


def clickhouse_stays_in_the_store(house: House) -> list[str]:
    """And in its embedded stand-in, and where the demonstration counts for itself."""
    parts = {module.part for module in house} - {"store", "embedded", "demo"}
    return forbidden(house, parts, "clickhouse_connect", "chdb")


def services_do_without_the_tools(house: House) -> list[str]:
    """Dead letters, reconciling and the doctor are the command line's."""
    tools = ("tokentide.dead", "tokentide.doctor", "tokentide.reconcile")
    return forbidden(house, {"worker", "serving", "api", "gateway", "store", "events", "rollups"}, *tools)


def cores_of_the_tools_are_pure(house: House) -> list[str]:
    """Only the contract, the fold, and each other."""
    shells = ("aiokafka", "click", "rich", "tokentide.clock", "tokentide.kafka", "tokentide.store", "tokentide.worker")
    return [
        module.breach(entry.node, f"{module.name} must not import {entry.name}")
        for module in house
        if module.name in PURE_CORES
        for entry in imports(module)
        if entry.within(*NOT_PURE, *shells)
    ]


def services_do_without_the_embedded_parts(house: House) -> list[str]:
    """What runs in production runs without what is there for one machine."""
    parts = {module.part for module in house} - {"cli", "demo", "embedded", "up"}
    return forbidden(house, parts, "tokentide.demo", "tokentide.embedded", "tokentide.up")


def modules_do_nothing_at_import(house: House) -> list[str]:
    """They define: classes, functions, constants, patterns, decoders, loggers."""
    values = value_classes(house)
    return [
        module.breach(node, f"{name} is called at import: build it in a function")
        for module in house
        for node, name in called_at_import(module)
        if name not in DEFINING_CALLS | values | DEFINES.keys()
        and name.partition(".")[0] not in DEFINING_LIBRARIES
        and name.rpartition(".")[2] not in METHODS_OF_VALUES
    ]


def one_module_reads_the_clock(house: House) -> list[str]:
    """`tokentide.clock`; everything else is given the time."""
    return [
        module.breach(node, f"{name} reads the wall clock: take the time as an argument")
        for module in house
        if module.name != "tokentide.clock"
        for full_name in [in_full(module)]
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute | ast.Name)
        if (name := full_name(node)) in READS_THE_CLOCK
    ]


def modules_are_short(house: House) -> list[str]:
    """One question each fits on a few screens."""
    found = []
    for module in house:
        most = LONGER.get(module.path, (MOST_LINES, ""))[0]
        if module.lines > most:
            found.append(module.breach(None, f"{module.lines} lines, {most} are allowed: what is not its question?"))
    return found


def imports_go_one_way(house: House) -> list[str]:
    """No module needs, when it is imported, one that needs it."""
    modules = {module.name: module for module in house}
    needs = {module.name: eager_needs(module, modules) for module in house}
    return [
        modules[name].breach(None, f"imports itself by way of {' → '.join(way)}")
        for name in modules
        if (way := way_back(name, needs))
    ]


def names_say_what_is_inside(house: House) -> list[str]:
    """Not that something is."""
    return [
        module.breach(None, f"a module named {step!r} can hold anything: name its question")
        for module in house
        for step in module.name.split(".")
        if NEVER_NAMES & set(step.split("_"))
    ]


# The rules held against the source


def held(breaches: list[str]) -> None:
    """Fail with every breach on a line of its own."""
    assert not breaches, "\n" + "\n".join(breaches)


def test_rollups_are_pure(house: House) -> None:
    """Rollups import the standard library, numpy, msgspec, the events and themselves, and nothing that has effects."""
    held(rollups_are_pure(house))


def test_events_are_pure(house: House) -> None:
    """The event contract imports what describes and decodes, and nothing that has effects."""
    held(events_are_pure(house))


def test_capacity_is_arithmetic(house: House) -> None:
    """What plans a deployment knows numbers alone: no settings, no store, no terminal."""
    held(capacity_is_arithmetic(house))


def test_adapters_are_pure(house: House) -> None:
    """The gateway's adapters and its judge are functions of what they are given."""
    held(adapters_are_pure(house))


def test_the_service_does_without_the_worker(house: House) -> None:
    """The API never imports the worker, not even by way of others."""
    held(the_service_does_without_the_worker(house))


def test_the_service_is_put_together_at_one_place(house: House) -> None:
    """Serving knows the API and the gateway, the gateway knows the API, and nobody looks the other way."""
    held(the_service_is_put_together_at_one_place(house))


def test_nobody_imports_the_command_line(house: House) -> None:
    """The command line puts the parts together, so no part knows it."""
    held(nobody_imports_the_command_line(house))


def test_worker_sees_the_store_through_its_port(house: House) -> None:
    """The worker sees ClickHouse only through the store's port, and the rows and queries that are its data."""
    held(worker_sees_the_store_through_its_port(house))


def test_clickhouse_stays_in_the_store(house: House) -> None:
    """Only the store, its embedded stand-in, and the proof that must not rely on it know ClickHouse's libraries."""
    held(clickhouse_stays_in_the_store(house))


def test_services_do_without_the_tools(house: House) -> None:
    """What runs all the time needs nothing of what an operator runs now and then."""
    held(services_do_without_the_tools(house))


def test_cores_of_the_tools_are_pure(house: House) -> None:
    """What decides about letters and differences reaches neither Kafka nor the store, nor a clock."""
    held(cores_of_the_tools_are_pure(house))
    assert {module.name for module in house} >= PURE_CORES


def test_services_do_without_the_embedded_parts(house: House) -> None:
    """Nothing but the command line, `up` and the demonstration imports the embedded parts."""
    held(services_do_without_the_embedded_parts(house))


def test_modules_do_nothing_at_import(house: House) -> None:
    """Importing a module defines things and does nothing; what may be called needs its place on the list."""
    held(modules_do_nothing_at_import(house))
    called = {name for module in house for _, name in called_at_import(module)}
    assert DEFINES.keys() - called == set()


def test_one_module_reads_the_clock(house: House) -> None:
    """The wall clock is read in tokentide.clock and nowhere else."""
    held(one_module_reads_the_clock(house))


def test_modules_are_short(house: House) -> None:
    """A module has at most 250 lines, unless it is listed with a reason; a listed one needs its place on the list."""
    held(modules_are_short(house))
    lengths = {module.path: module.lines for module in house}
    assert [path for path in LONGER if lengths.get(path, 0) <= MOST_LINES] == []


def test_imports_go_one_way(house: House) -> None:
    """No module imports itself by way of others."""
    held(imports_go_one_way(house))


def test_names_say_what_is_inside(house: House) -> None:
    """No module is named utils, helpers, common, manager, base or impl, alone or in a compound."""
    held(names_say_what_is_inside(house))


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (rollups_are_pure, "rollups/fold.py", "from tokentide.settings import Settings"),
        (rollups_are_pure, "rollups/fold.py", "import pandas"),
        (rollups_are_pure, "rollups/fold.py", "def fold():\n    import random"),
        (events_are_pure, "events/model.py", "from tokentide.rollups import fold"),
        (capacity_is_arithmetic, "capacity/planning.py", "from tokentide.settings import Settings"),
        (adapters_are_pure, "gateway/adapters/otlp.py", "from fastapi import Request"),
        (adapters_are_pure, "gateway/judging.py", "def now():\n    import time"),
        (the_service_does_without_the_worker, "serving/app.py", "from tokentide import other"),
        (the_service_is_put_together_at_one_place, "api/access.py", "from tokentide.gateway.quota import Quota"),
        (the_service_is_put_together_at_one_place, "gateway/routes.py", "from tokentide.serving.app import create_app"),
        (nobody_imports_the_command_line, "worker/run.py", "from tokentide.cli import main"),
        (worker_sees_the_store_through_its_port, "worker/run.py", "from tokentide.store.clickhouse import ServerStore"),
        (worker_sees_the_store_through_its_port, "worker/run.py", "import chdb.session"),
        (clickhouse_stays_in_the_store, "serving/app.py", "import clickhouse_connect"),
        (services_do_without_the_tools, "worker/run.py", "from tokentide.reconcile.run import run"),
        (cores_of_the_tools_are_pure, "dead/ledger.py", "import asyncio"),
        (cores_of_the_tools_are_pure, "reconcile/judging.py", "from tokentide.store.port import Query"),
        (services_do_without_the_embedded_parts, "store/port.py", "from tokentide.embedded import kafka"),
        (modules_do_nothing_at_import, "a.py", "from tokentide.settings import Settings\nsettings = Settings()"),
        (modules_do_nothing_at_import, "a.py", "import os\nclass A:\n    home = os.getenv('HOME')"),
        (modules_do_nothing_at_import, "a.py", "def f(now=now()):\n    pass"),
        (modules_do_nothing_at_import, "a.py", "@register\ndef f():\n    pass"),
        (one_module_reads_the_clock, "a.py", "from time import time_ns as read\ndef f():\n    return read()"),
        (one_module_reads_the_clock, "a.py", "import datetime\ndef f():\n    return datetime.datetime.now()"),
        (one_module_reads_the_clock, "a.py", "from datetime import datetime\nclock = datetime.now"),
        (modules_are_short, "a.py", "\n" * 251),
        (imports_go_one_way, "a.py", "from tokentide import other"),
        (names_say_what_is_inside, "store/sql_helpers.py", ""),
    ],
)
def test_each_rule_finds_its_breach(rule: Rule, path: str, text: str) -> None:
    """A rule that could not fail would be worth nothing."""
    by_way = parsed("src/tokentide/other.py", "import tokentide.worker.run, tokentide.a")
    house = [parsed(f"src/tokentide/{path}", text), by_way]
    assert any(f"src/tokentide/{path}:" in breach or "other.py" in breach for breach in rule(house))
    assert rule([parsed("src/tokentide/good.py", "import re\nWORD = re.compile('x')\n")]) == []
