# noqa: INP001  a script beside the pages that it writes, not a package
"""What do the reference pages list? Their tables, made from the code: `python -m docs.reference` writes them again.

A table stands between two comment lines that name it; all other text of a page is written by hand. A test compares the
pages with these functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tokentide.capacity import Load, planned
from tokentide.capacity.costs import COSTS
from tokentide.capacity.report import lines
from tokentide.doctor.finding import Kind
from tokentide.doctor.kinds import KINDS
from tokentide.events import Event
from tokentide.metrics import API_METRICS, COMMON_METRICS, WORKER_METRICS, Metric
from tokentide.settings import Settings, describe
from tokentide.store.queries import catalogue
from tokentide.store.queries.catalogue import Column, Function, Operator
from tokentide.store.queries.datasources import DATASOURCES

__all__ = [
    "TABLES",
    "columns_table",
    "costs_table",
    "events_table",
    "findings_table",
    "metrics_table",
    "operators_table",
    "plan_of",
    "renewed",
    "settings_table",
    "unread_settings",
]

FOLDER = Path(__file__).parent
_OPERATORS: Mapping[tuple[Operator, ...], str] = {
    catalogue.TEXT_OPERATORS: "string",
    catalogue.NARROW_OPERATORS: "narrow string",
    catalogue.ENUM_OPERATORS: "enum",
    catalogue.NUMBER_OPERATORS: "number",
    catalogue.ARRAY_OPERATORS: "array",
}
_FORMATS = {"uuid": "UUID", "date-time": "RFC 3339 with an offset"}


def settings_table() -> str:
    """Every setting: its variable, its default, its meaning."""
    defaults = describe(Settings(), environment={}, env_file=None)
    rows = [(f"`{d.name}`", _code(d.value) or "empty", d.meaning) for d in defaults]
    return _table(("setting", "default", "meaning"), rows)


def unread_settings() -> str:
    """Which settings have no effect in this version, as a sentence."""
    source = FOLDER.parent / "src" / "tokentide"
    code = "\n".join(file.read_text(encoding="utf-8") for file in source.rglob("*.py") if file.name != "settings.py")
    code += "\n".join(re.findall(r"self\.\w+", (source / "settings.py").read_text(encoding="utf-8")))
    unread = [f"TOKENTIDE_{name.upper()}" for name in Settings.model_fields if not re.search(rf"\.{name}\b", code)]
    listed = ", ".join(map(_code, unread))
    return f"These are for what is still to come, and nothing reads them in this version: {listed}.\n" if unread else ""


def metrics_table(metrics: Iterable[Metric]) -> str:
    """Some of the metrics: name, kind, labels, meaning."""
    rows = [(f"`{m.name}`", m.kind, ", ".join(map(_code, m.labels)) or "none", m.meaning) for m in metrics]
    return _table(("metric", "kind", "labels", "meaning"), rows)


def events_table() -> str:
    """Every field of an event: name, type, default, meaning."""
    schema = Event.model_json_schema()
    rows = []
    for name, described in schema["properties"].items():
        default = "**required**" if name in schema["required"] else _default(described)
        rows.append((f"`{name}`", _type(described), default, described.get("description", "")))
    return _table(("field", "type", "default", "meaning"), rows)


def operators_table() -> str:
    """Which operators each kind of filter has."""
    rows = [(kind, ", ".join(operator.value for operator in operators)) for operators, kind in _OPERATORS.items()]
    return _table(("filter", "operators"), rows)


def findings_table(kinds: Iterable[Kind]) -> str:
    """Some of the findings of the doctor: name, gravity, meaning, remedy."""
    rows = [(f"`{kind.name}`", _gravity(kind), kind.meaning, kind.remedy) for kind in kinds]
    return _table(("finding", "gravity", "meaning", "what to do"), rows)


def _gravity(kind: Kind) -> str:
    return f"problem, {kind.exit_code}" if kind.exit_code else "advice"


def columns_table(datasource: str, besides: str | None = None) -> str:
    """The columns of a datasource, but those that another one has."""
    known = DATASOURCES[besides].columns if besides else ()
    rows = [
        (f"`{column.name}`", column.meaning, _functions(column), "yes" if column.groups else "", _filter(column))
        for column in DATASOURCES[datasource].columns
        if column not in known
    ]
    return _table(("column", "meaning", "aggregations", "group", "filter"), rows)


def costs_table() -> str:
    """Every measured cost, with where it was measured."""
    rows = [(cost.of, f"{cost.value:,.0f} {cost.unit}", f"`{cost.measured}`") for cost in COSTS.values()]
    return _table(("of", "cost", "measured by"), rows)


def plan_of(load: Load, options: str) -> str:
    """What `tokentide capacity` prints for a load, with the command line that asks for it."""
    shown = "\n".join(lines(planned(load)))
    return f"```console\n$ tokentide capacity {options}\n{shown}\n```\n"


def _functions(column: Column) -> str:
    if column.functions == tuple(Function):
        return "all"
    return ", ".join(function.value for function in column.functions)


def _filter(column: Column) -> str:
    for operators, kind in sorted(_OPERATORS.items(), key=lambda entry: -len(entry[0])):
        if column.operators[: len(operators)] == operators:
            return ", ".join([kind, *(operator.value for operator in column.operators[len(operators) :])])
    return ", ".join(operator.value for operator in column.operators)


TABLES: Mapping[tuple[str, str], Callable[[], str]] = {
    ("settings.md", "settings"): settings_table,
    ("settings.md", "settings without effect"): unread_settings,
    ("metrics.md", "worker metrics"): lambda: metrics_table(WORKER_METRICS),
    ("metrics.md", "api metrics"): lambda: metrics_table(API_METRICS),
    ("metrics.md", "common metrics"): lambda: metrics_table(COMMON_METRICS),
    ("doctor.md", "findings"): lambda: findings_table(KINDS.values()),
    ("events.md", "fields"): events_table,
    ("scaling.md", "costs"): costs_table,
    ("scaling.md", "a plan"): lambda: plan_of(
        Load(20_000, projects=200, models=12, agents=5),
        "--events-per-second 20000 --projects 200 --models 12 --agents 5",
    ),
    ("scaling.md", "a plan that does not fit"): lambda: plan_of(
        Load(150_000, projects=40, models=200, agents=50, largest_share=0.5),
        "--events-per-second 150000 --projects 40 --models 200 --agents 50 --largest-share 0.5",
    ),
    ("truefoundry.md", "operators"): operators_table,
    **{
        ("truefoundry.md", name): partial(columns_table, name, "modelMetrics" if name == "cacheMetrics" else None)
        for name in DATASOURCES
    },
}
"""Each generated table: the page and the name between whose marks it stands, and what makes it."""


def renewed(page: str, text: str) -> str:
    """The text of a page with its tables made again.

    Raises:
        ValueError: a table's marks are not there.
    """
    for (of, name), make in TABLES.items():
        if of == page:
            begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
            if (text.count(begin), text.count(end)) != (1, 1):
                raise ValueError(f"{page} needs the marks {begin.strip()} and {end} once each, around its table")
            before, rest = text.split(begin)
            text = f"{before}{begin}\n{make()}\n{end}{rest.split(end)[1]}"
    return text


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _default(described: Mapping[str, Any]) -> str:
    if described.get("type") in {"array", "object"}:
        return "empty"
    default = described["default"]
    return "absent" if default is None else _code(str(default).lower() if isinstance(default, bool) else f"{default}")


def _type(described: Mapping[str, Any]) -> str:
    """The JSON type in words, with its bounds."""
    if "anyOf" in described:
        types = [_type(choice) for choice in described["anyOf"] if choice.get("type") != "null"]
        return types[0] if len(types) == 1 else f"{types[0]}, or the same as decimal text"
    if "enum" in described:
        return ", ".join(map(_code, described["enum"]))
    if described["type"] == "array":
        return f"list of {_type(described['items'])}"
    if described["type"] == "object":
        return f"map of at most {described['maxProperties']} to {_type(described['additionalProperties'])}"
    if described["type"] == "string":
        return {"uuid": "UUID", "date-time": "RFC 3339 with an offset"}.get(
            described.get("format", ""), _text(described)
        )
    return _number(described)


def _text(described: Mapping[str, Any]) -> str:
    if "maxLength" not in described:
        return "text"
    least = f"{described['minLength']} to " if "minLength" in described else "at most "
    return f"text of {least}{described['maxLength']} characters"


def _number(described: Mapping[str, Any]) -> str:
    if described["type"] == "boolean":
        return "true or false"
    kind = "whole number" if described["type"] == "integer" else "number"
    least = "above 0" if "exclusiveMinimum" in described else f"from {described['minimum']}"
    return f"{kind} {least} to {described['maximum']:,.0f}"


def main() -> None:
    """Write the tables of every page again."""
    for page in dict.fromkeys(page for page, _ in TABLES):
        path = FOLDER / page
        path.write_text(renewed(page, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
