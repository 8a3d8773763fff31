"""The projector's SQL, derived from the tables once, at import."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy import ARRAY, Column, Table
from sqlalchemy.dialects import postgresql

from headrace.store.columns import RawJson

_DIALECT = postgresql.dialect()
_KEPT = frozenset({"id", "created_at"})


def column_names(table: Table) -> str:
    """List a table's columns for a SELECT or an INSERT."""
    return ", ".join(_names(table))


def load_by_id(table: Table) -> str:
    """Build the statement that selects the rows with the ids of an array, ``$1``."""
    return f"SELECT {column_names(table)} FROM {table.name} WHERE id = ANY($1::text[])"  # noqa: S608 - names are ours


def insert_missing(table: Table) -> str:
    """Build the statement that inserts rows and leaves those alone that are there; ``$1`` and on: an array for each column."""
    return f"INSERT INTO {table.name} {_rows_from_arrays(table)} ON CONFLICT DO NOTHING"


def upsert_newer(table: Table) -> str:
    """Build the statement that writes rows, but never over a row of the same or a later position.

    A row keeps its ``created_at``. The arguments, ``$1`` and on, are an array for each column, in the order of the fields.
    """
    return upsert(table, "(t.epoch, t.sequence) < (excluded.epoch, excluded.sequence)", _KEPT)


def upsert(table: Table, condition: str, kept: Collection[str] = ("id",)) -> str:
    """Build the statement that writes rows over those with their ids of which a condition holds: ``t`` is there, ``excluded`` comes."""
    changed = ", ".join(f"{name} = excluded.{name}" for name in _names(table) if name not in kept)
    written = f"INSERT INTO {table.name} AS t {_rows_from_arrays(table)}"
    return f"{written} ON CONFLICT (id) DO UPDATE SET {changed} WHERE {condition}"


def column_arrays(table: Table, rows: Collection[Struct]) -> list[Sequence[Any]]:
    """Return the arguments of `insert_missing` and `upsert_newer`: an array for each column of the rows, of which there is one at least."""
    arrays: list[Sequence[Any]] = list(zip(*map(astuple, rows), strict=True))
    for place, column in enumerate(table.columns):
        if isinstance(column.type, ARRAY):
            arrays[place] = [array_literal(texts) if texts else "{}" for texts in arrays[place]]
    return arrays


def array_literal(texts: list[str]) -> str:
    """Write an array of texts as Postgres reads it from a text."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _rows_from_arrays(table: Table) -> str:
    """Turn an array for each column into rows."""
    names = column_names(table)
    arrays = ", ".join(f"${number}::{_array_type(column)}" for number, column in enumerate(table.columns, 1))
    selected = ", ".join(_selected(column) for column in table.columns)
    return f"({names}) SELECT {selected} FROM unnest({arrays}) AS page({names})"  # noqa: S608 - names are ours


def _array_type(column: Column[Any]) -> str:
    """Name the array type of a column; JSON travels as text, and so do arrays, because ``unnest`` takes all levels apart."""
    return "text[]" if isinstance(column.type, RawJson | ARRAY) else f"{column.type.compile(_DIALECT)}[]"


def _selected(column: Column[Any]) -> str:
    match column.type:
        case RawJson():
            return f"{column.name}::json"
        case ARRAY():
            return f"{column.name}::text[]"
        case _:
            return column.name
