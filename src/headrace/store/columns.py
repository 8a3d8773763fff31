"""How the fields of a row become the columns of a table."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    cast,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine, UserDefinedType

metadata = MetaData()


class RawJson(UserDefinedType[str]):
    """A `json` column that is read and written as text; nothing here decodes it."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Name the type in DDL."""
        return "JSON"

    def column_expression(self, colexpr: ColumnElement[str]) -> ColumnElement[str]:
        """Select the column as text, whatever JSON decoder the driver has."""
        return cast(colexpr, Text)


Instant = DateTime(timezone=True)

Json = Annotated[str, "json"]
Long = Annotated[int, "64 bits"]

_SQL_TYPES: dict[Any, TypeEngine[Any]] = {
    str: Text(),
    Json: RawJson(),
    int: Integer(),
    float: Double(),
    Long: BigInteger(),
    datetime: Instant,
    bytes: LargeBinary(),
    list[str]: ARRAY(Text()),
}


@cache
def json_fields(row: type[Struct]) -> frozenset[str]:
    """Return the names of a row's JSON columns."""
    hints = get_type_hints(row, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _value_type(hint) == Json)


@cache
def column_types(row: type[Struct]) -> dict[str, TypeEngine[Any]]:
    """Return the SQL type of each of a row's columns."""
    hints = get_type_hints(row, include_extras=True)
    return {name: _SQL_TYPES[_value_type(hints[name])] for name in row.__struct_fields__}


def describe_table(name: str, row: type[Struct], *more: SchemaItem, key: tuple[str, ...] = ("id",)) -> Table:
    """Describe a table to SQLAlchemy: a column for each field of its row, in their order, and its indexes and constraints."""
    hints = get_type_hints(row, include_extras=True)
    columns = [_column(field, hints[field], primary_key=field in key) for field in row.__struct_fields__]
    return Table(name, metadata, *columns, *more)


def _column(name: str, hint: Any, *, primary_key: bool) -> Column[Any]:
    """Describe a column; it is nullable when its field may be None."""
    return Column(name, _SQL_TYPES[_value_type(hint)], primary_key=primary_key, nullable=NoneType in get_args(hint))


def _value_type(hint: Any) -> Any:
    """Return the type of a field's value when it is not None."""
    alternatives = get_args(hint)
    return alternatives[0] if NoneType in alternatives else hint
