"""Which rows does a filter leave? Each operator as SQL over one column, with the value bound.

A row without a value meets what says "not", and nothing else; % and _ in a text are themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokentide.store.queries.catalogue import METADATA_KEY, Column, Operator, Values

__all__ = ["Filter", "condition", "of_key"]


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        column: what is compared.
        operator: how; one of the column's own.
        value: with what: a text, a number or a flag, a tuple of them for IN, BETWEEN and the like, a flag for IS_NULL.
    """

    column: Column
    operator: Operator
    value: Any


_TEXT = {
    Operator.EQUAL: "{column} = {{{value}:String}}",
    Operator.IN: "has({{{value}:Array(String)}}, {column})",
    Operator.STRING_CONTAINS: "position({column}, {{{value}:String}}) > 0",
    Operator.STRING_STARTS_WITH: "startsWith({column}, {{{value}:String}})",
    Operator.STRING_ENDS_WITH: "endsWith({column}, {{{value}:String}})",
}
_NUMBER = {
    Operator.EQUAL: "{column} = {{{value}:Float64}}",
    Operator.IN: "has({{{value}:Array(Float64)}}, toFloat64({column}))",
    Operator.GREATER_THAN: "{column} > {{{value}:Float64}}",
    Operator.GREATER_THAN_EQUAL: "{column} >= {{{value}:Float64}}",
    Operator.LESS_THAN: "{column} < {{{value}:Float64}}",
    Operator.LESS_THAN_EQUAL: "{column} <= {{{value}:Float64}}",
    Operator.BETWEEN: "{column} BETWEEN {{{value}:Array(Float64)}}[1] AND {{{value}:Array(Float64)}}[2]",
}
_PATTERNS: Mapping[Values, Mapping[Operator, str]] = {
    Values.TEXT: _TEXT,
    Values.NUMBER: _NUMBER,
    Values.FLAG: {Operator.EQUAL: "({column}) = {{{value}:UInt8}}"},
    Values.TEXTS: {Operator.ARRAY_HAS_ANY: "hasAny({column}, {{{value}:Array(String)}})"},
}
_OPPOSITES = {
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.NOT_IN: Operator.IN,
    Operator.STRING_NOT_CONTAINS: Operator.STRING_CONTAINS,
    Operator.STRING_NOT_STARTS_WITH: Operator.STRING_STARTS_WITH,
    Operator.STRING_NOT_ENDS_WITH: Operator.STRING_ENDS_WITH,
    Operator.ARRAY_HAS_NONE: Operator.ARRAY_HAS_ANY,
}


def condition(filtered: Filter, sql: str, name: str) -> tuple[str, dict[str, Any]]:
    """The filter as a condition that is never null, and its arguments.

    Args:
        filtered: the filter.
        sql: its column, as an expression over the table.
        name: what its arguments are called, and begin with.
    """
    sql, args = of_key(filtered.column, sql, name)
    operator, value = filtered.operator, filtered.value
    if operator is Operator.IS_NULL:
        return f"({sql}) IS {'' if value else 'NOT '}NULL", args
    negated = operator in _OPPOSITES
    pattern = _PATTERNS[filtered.column.values][_OPPOSITES.get(operator, operator)]
    met = f"ifNull({pattern.format(column=sql, value=name)}, 0)"
    args[name] = int(value) if filtered.column.values is Values.FLAG else value
    return (f"NOT {met}" if negated else met), args


def of_key(column: Column, sql: str, name: str) -> tuple[str, dict[str, Any]]:
    """The expression of a column, with the key of a metadata column bound under a name of its own."""
    if column.key is None:
        return sql, {}
    return sql.replace(METADATA_KEY, f"{{{name}_key:String}}"), {f"{name}_key": column.key}
