"""What can be asked about single events? The closed catalogue of datasources and their columns, as data.

Which column adds up, groups and filters, in which datasource, with which functions and operators, stands here and
nowhere else: questions, the texts of errors, the OpenAPI description and the page about it are all made from it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "ARRAY_OPERATORS",
    "ENUM_OPERATORS",
    "LISTING",
    "METADATA",
    "METADATA_KEY",
    "NARROW_OPERATORS",
    "NUMBER_OPERATORS",
    "PERCENTILES",
    "TEXT_OPERATORS",
    "Column",
    "Datasource",
    "Function",
    "Held",
    "Measure",
    "Operator",
    "Unit",
    "Values",
    "metadata_column",
]

METADATA = "metadata."
"""What a column's name begins with when it is a key of the metadata."""

METADATA_KEY = "{metadata_key:String}"
"""Where the key of a metadata column stands in its expression, until it is bound."""


class Function(enum.Enum):
    """What an aggregation computes over the values of a column that are there."""

    SUM = "sum"
    COUNT = "count"
    COUNT_DISTINCT = "countDistinct"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    P50 = "p50"
    P75 = "p75"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"


PERCENTILES: Mapping[Function, int] = {
    Function.P50: 50,
    Function.P75: 75,
    Function.P90: 90,
    Function.P95: 95,
    Function.P99: 99,
}


class Operator(enum.Enum):
    """How a filter compares a column with its value."""

    EQUAL = "EQUAL"
    NOT_EQUAL = "NOT_EQUAL"
    IN = "IN"
    NOT_IN = "NOT_IN"
    STRING_CONTAINS = "STRING_CONTAINS"
    STRING_NOT_CONTAINS = "STRING_NOT_CONTAINS"
    STRING_STARTS_WITH = "STRING_STARTS_WITH"
    STRING_NOT_STARTS_WITH = "STRING_NOT_STARTS_WITH"
    STRING_ENDS_WITH = "STRING_ENDS_WITH"
    STRING_NOT_ENDS_WITH = "STRING_NOT_ENDS_WITH"
    GREATER_THAN = "GREATER_THAN"
    GREATER_THAN_EQUAL = "GREATER_THAN_EQUAL"
    LESS_THAN = "LESS_THAN"
    LESS_THAN_EQUAL = "LESS_THAN_EQUAL"
    BETWEEN = "BETWEEN"
    ARRAY_HAS_ANY = "ARRAY_HAS_ANY"
    ARRAY_HAS_NONE = "ARRAY_HAS_NONE"
    IS_NULL = "IS_NULL"


class Values(enum.Enum):
    """What the values of a column are."""

    TEXT = "string"
    NUMBER = "number"
    FLAG = "boolean"
    TEXTS = "array of strings"


class Unit(enum.Enum):
    """What a number counts, and in which form a sum of it is exact."""

    COUNT = "a count"
    NANOS = "dollars, summed in nano-dollars"
    MICROS = "milliseconds, summed in microseconds"
    MILLIS = "milliseconds"


@dataclass(frozen=True, slots=True)
class Held:
    """What the hourly rollups hold of a column; None where they do not.

    Attributes:
        value: expression over the usage rollup that is the column of every call in a row.
        total: column of the usage rollup that sums it.
        most: column of the usage rollup that is its maximum.
        digest: digest of the latency rollup over its values.
    """

    value: str | None = None
    total: str | None = None
    most: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """How a numeric column adds up.

    Attributes:
        unit: of the column.
        total: expression over an event: what it adds to a sum, of an exact type where the unit has one.
        exact: expression over an event: the value in the unit's exact form, for minima and maxima; null when absent.
    """

    unit: Unit
    total: str
    exact: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a datasource.

    Attributes:
        name: as a request names it.
        meaning: for people.
        values: what its values are.
        sql: expression over an event, null where the column has no value.
        functions: which aggregations it has.
        groups: whether it can be grouped by.
        operators: which filters it has.
        answers_as: as an answer names it, when grouped by.
        always: whether every event of the datasource has a value.
        measure: how it adds up; numeric columns only.
        held: what rollups hold of it.
        key: of the metadata, when the column is one.
    """

    name: str
    meaning: str
    values: Values
    sql: str
    functions: tuple[Function, ...] = ()
    groups: bool = False
    operators: tuple[Operator, ...] = ()
    answers_as: str = ""
    always: bool = False
    measure: Measure | None = None
    held: Held = field(default_factory=Held)
    key: str | None = None

    @property
    def shown_as(self) -> str:
        """The key of its values in an answer."""
        return self.answers_as or self.name


@dataclass(frozen=True, slots=True)
class Datasource:
    """One kind of event.

    Attributes:
        name: as a request names it.
        meaning: for people.
        counted: condition on an event.
        columns: no two have the same name.
        held: whether the hourly rollups count its events, when they are rows of concrete models.
    """

    name: str
    meaning: str
    counted: str
    columns: tuple[Column, ...]
    held: bool = False

    def column(self, name: str) -> Column | None:
        """The column that a request means by a name; None when there is no such column."""
        if name.startswith(METADATA):
            return metadata_column(name.removeprefix(METADATA))
        return next((column for column in self.columns if column.name == name), None)


TEXT_OPERATORS = (
    Operator.EQUAL,
    Operator.NOT_EQUAL,
    Operator.IN,
    Operator.NOT_IN,
    Operator.STRING_CONTAINS,
    Operator.STRING_NOT_CONTAINS,
    Operator.STRING_STARTS_WITH,
    Operator.STRING_NOT_STARTS_WITH,
    Operator.STRING_ENDS_WITH,
    Operator.STRING_NOT_ENDS_WITH,
)
NARROW_OPERATORS = (
    Operator.IN,
    Operator.NOT_IN,
    Operator.STRING_CONTAINS,
    Operator.STRING_STARTS_WITH,
    Operator.STRING_ENDS_WITH,
)
ENUM_OPERATORS = (Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN, Operator.NOT_IN)
NUMBER_OPERATORS = (
    *ENUM_OPERATORS,
    Operator.GREATER_THAN,
    Operator.GREATER_THAN_EQUAL,
    Operator.LESS_THAN,
    Operator.LESS_THAN_EQUAL,
    Operator.BETWEEN,
    Operator.IS_NULL,
)
ARRAY_OPERATORS = (Operator.ARRAY_HAS_ANY, Operator.ARRAY_HAS_NONE)
LISTING = frozenset({Operator.IN, Operator.NOT_IN, *ARRAY_OPERATORS})
"""Operators whose value is a list."""


def metadata_column(key: str) -> Column:
    """The column of a metadata key; an event without the key has no value."""
    return Column(
        METADATA + key,
        "a key of the event's metadata",
        Values.TEXT,
        f"if(mapContains(metadata, {METADATA_KEY}), metadata[{METADATA_KEY}], NULL)",
        groups=True,
        operators=(*TEXT_OPERATORS, Operator.IS_NULL),
        key=key,
    )
