"""Which filter is an entry of `filters`? Its column, an operator that the column has, and a value that fits."""

from __future__ import annotations

from typing import Any

from tokentide.api.json_body import shortened
from tokentide.api.truefoundry.places import MOST_VALUE_BYTES, MOST_VALUES, Place
from tokentide.store.queries.catalogue import LISTING, METADATA, Column, Datasource, Operator, Values, metadata_column
from tokentide.store.queries.conditions import Filter

__all__ = ["read_filter"]


def read_filter(datasource: Datasource, place: Place) -> Filter:
    """The filter at a place of a body.

    Raises:
        QueryError: naming the place, or the field of it, that is wrong.
    """
    fields = place.fields(("operator", "value"), ("fieldName", "metadataKey"), closed=True)
    column = _column(datasource, place, fields)
    named = fields["operator"].one_of((operator.value for operator in Operator), "operator")
    operator = Operator(named)
    if operator not in column.operators:
        able = ", ".join(each.value for each in column.operators)
        fields["operator"].refuse(f"is {named}, which does not fit {_called(column)}: choose one of {able}")
    return Filter(column, operator, _value(column, operator, fields["value"]))


def _column(datasource: Datasource, place: Place, fields: dict[str, Place]) -> Column:
    by_name, by_key = fields.get("fieldName"), fields.get("metadataKey")
    if (by_name is None) == (by_key is None):
        place.refuse("must have either fieldName or metadataKey")
    if by_key is not None:
        if not by_key.text():
            by_key.refuse("must not be empty")
        return metadata_column(by_key.text())
    assert by_name is not None
    name = by_name.text()
    column = datasource.column(name)
    if name == METADATA:
        by_name.refuse("must name a key of the metadata, as in metadata.environment")
    if column is None or not column.operators:
        able = [other.name for other in datasource.columns if other.operators]
        what = f"is {shortened(name)}, which is no column of {datasource.name} to filter by"
        by_name.refuse(f"{what}: choose one of {', '.join(able)}, metadata.KEY")
    return column


def _value(column: Column, operator: Operator, place: Place) -> Any:
    if operator is Operator.IS_NULL:
        return place.flag()
    if operator is Operator.BETWEEN:
        low, high = (each.number() for each in place.entries(2, least=2))
        if low > high:
            place.refuse("must be [lowest, highest], and its first number is the larger one")
        return low, high
    if operator in LISTING:
        values = tuple(_one(column, each) for each in place.entries(MOST_VALUES, least=1))
        if sum(len(value.encode()) for value in values if isinstance(value, str)) > MOST_VALUE_BYTES:
            place.refuse(f"must not have texts of more than {MOST_VALUE_BYTES:,} bytes together")
        return values
    return _one(column, place)


def _one(column: Column, place: Place) -> Any:
    match column.values:
        case Values.NUMBER:
            return place.number()
        case Values.FLAG:
            return place.flag()
        case _:
            return place.text()


def _called(column: Column) -> str:
    return "metadata" if column.key is not None else column.name
