"""What does OpenAPI say of a query's body? A JSON schema for each datasource, made from the catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tokentide.api.truefoundry.places import MOST_LISTED, MOST_VALUES
from tokentide.api.truefoundry.reading import TYPES, UNITS
from tokentide.store.queries.catalogue import LISTING, Column, Datasource, Function, Operator, Values, metadata_column
from tokentide.store.queries.datasources import DATASOURCES

__all__ = ["request_body"]

Schema = dict[str, Any]

_KEY = r"^metadata\.[\s\S]+$"
_EXAMPLE = {
    "startTs": "2026-04-20T00:00:00.000Z",
    "endTs": "2026-04-21T00:00:00.000Z",
    "datasource": "modelMetrics",
    "type": "timeseries",
    "interval": "1 hour",
    "aggregations": [{"type": "sum", "column": "costInUSD"}, {"type": "p99", "column": "latencyMs"}],
    "groupBy": ["modelName"],
    "filters": [{"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}],
}
_JSON_TYPES: Mapping[Values, str] = {
    Values.TEXT: "string",
    Values.TEXTS: "string",
    Values.NUMBER: "number",
    Values.FLAG: "boolean",
}


def request_body() -> Schema:
    """The `requestBody` of the endpoint."""
    schema = {"oneOf": [_body(datasource) for datasource in DATASOURCES.values()]}
    return {"required": True, "content": {"application/json": {"schema": schema, "example": _EXAMPLE}}}


def _body(datasource: Datasource) -> Schema:
    moment = {"type": "string", "description": "ISO 8601 with its offset from UTC, or a date"}
    return {
        "title": datasource.name,
        "description": datasource.meaning,
        "type": "object",
        "required": ["startTs", "endTs", "datasource", "type"],
        "properties": {
            "startTs": {**moment, "description": f"{moment['description']}; itself included"},
            "endTs": {**moment, "description": f"{moment['description']}; itself not included"},
            "datasource": {"const": datasource.name},
            "type": {"enum": list(TYPES)},
            "aggregations": _list(_any_of(_aggregations(datasource))),
            "groupBy": _list(_groups(datasource)),
            "filters": _list(_any_of(_filters(datasource))),
            "interval": {
                "type": "string",
                "description": f"for timeseries: a whole number and one of {', '.join(UNITS)}, as in 15 minutes",
            },
            "intervalInSeconds": {"type": "integer", "minimum": 1, "deprecated": True},
        },
    }


def _aggregations(datasource: Datasource) -> Iterable[Schema]:
    columns: dict[tuple[Function, ...], list[str]] = defaultdict(list)
    for column in datasource.columns:
        if column.functions:
            columns[column.functions].append(column.name)
    for functions, names in columns.items():
        yield _object({"type": {"enum": [each.value for each in functions]}, "column": {"enum": names}})


def _groups(datasource: Datasource) -> Schema:
    names = [column.name for column in datasource.columns if column.groups]
    return {"anyOf": [{"enum": names}, {"type": "string", "pattern": _KEY}]}


def _filters(datasource: Datasource) -> Iterable[Schema]:
    columns: dict[tuple[Values, tuple[Operator, ...]], list[Column]] = defaultdict(list)
    for column in datasource.columns:
        if column.operators:
            columns[column.values, column.operators].append(column)
    for (values, operators), alike in columns.items():
        yield from _compared({"fieldName": {"enum": [column.name for column in alike]}}, values, operators)
    by_key = metadata_column("key")
    for field in (
        {"fieldName": {"type": "string", "pattern": _KEY}},
        {"metadataKey": {"type": "string", "minLength": 1}},
    ):
        yield from _compared(field, by_key.values, by_key.operators)


def _compared(field: Schema, values: Values, operators: Iterable[Operator]) -> Iterable[Schema]:
    """One schema for each shape that the value may have."""
    shapes: dict[str, list[str]] = defaultdict(list)
    for operator in operators:
        shapes[_shape(operator)].append(operator.value)
    one = {"type": _JSON_TYPES[values]}
    schemas = {
        "one": one,
        "list": {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_VALUES},
        "range": {"type": "array", "items": one, "minItems": 2, "maxItems": 2},
        "flag": {"type": "boolean"},
    }
    for shape, names in shapes.items():
        yield _object({**field, "operator": {"enum": names}, "value": schemas[shape]})


def _shape(operator: Operator) -> str:
    if operator is Operator.IS_NULL:
        return "flag"
    if operator is Operator.BETWEEN:
        return "range"
    return "list" if operator in LISTING else "one"


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _any_of(schemas: Iterable[Schema]) -> Schema:
    return {"anyOf": list(schemas)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items, "maxItems": MOST_LISTED}
