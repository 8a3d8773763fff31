"""Reading rows in the API, and turning them into what clients see."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Select, Table

from headrace.contracts.positions import Position
from headrace.store.columns import json_fields
from headrace.store.snapshot import Reads
from headrace.store.tables import Row

R = TypeVar("R", bound=Struct)
C = TypeVar("C", bound=Struct)


def columns_of(table: Table, row: type[Struct]) -> list[Column[Any]]:
    """Return the columns of a table that a row has."""
    return [table.columns[name] for name in row.__struct_fields__]


async def fetch_rows(
    session: Reads, row: type[R], query: Select[Any], parameters: Mapping[str, object] | None = None
) -> list[R]:
    """Run a query that selects the columns of a row in their order; ``parameters`` are the values of its bind parameters."""
    names = row.__struct_fields__
    return [row(**dict(zip(names, found, strict=True))) for found in await session.execute(query, parameters)]


async def fetch_row(
    session: Reads, row: type[R], query: Select[Any], parameters: Mapping[str, object] | None = None
) -> R | None:
    """Run a query that selects the columns of a row in their order and finds one or none; ``parameters`` are the values of its bind parameters."""
    found = (await session.execute(query, parameters)).one_or_none()
    return None if found is None else row(**dict(zip(row.__struct_fields__, found, strict=True)))


def text_in(column: str, name: str) -> str:
    """Return the SQL for a text that stands in a JSON column, whatever else stands there.

    Postgres refuses to look into JSON that has a NUL in any of its strings, as the input of anybody may have. Then it looks into the
    same with another character in place of each NUL.

    Args:
        column: The name of the column, which is written in SQL as it is.
        name: The name of the text, which is, too.
    """
    written = f"CAST({column} AS text)"
    # Escaped backslashes first, so that every other backslash begins an escape.
    without = rf"CAST(replace(replace({written}, '\\', '\u005c'), '\u0000', '\ufffd') AS json)"
    return rf"(CASE WHEN strpos({written}, '\u0000') = 0 THEN {column} ELSE {without} END) ->> '{name}'"


def to_contract(row: Row, contract: type[C], **differing: object) -> C:
    """Build what clients see of a row.

    Args:
        row: The row. A JSON column is decoded; the position follows from ``epoch`` and ``sequence``.
        contract: The type to build. Its fields are filled from the columns of the same name.
        differing: The fields that no column holds as clients see them. JSON that is passed on unread is given as `Raw`.

    Returns:
        The contract.
    """
    fields = msgspec.structs.asdict(row)
    fields["position"] = str(Position(row.epoch, row.sequence))
    fields |= differing
    for name in _decoded_fields(type(row), contract) - differing.keys():
        if (json := fields[name]) is not None:
            fields[name] = msgspec.json.decode(json)
    return msgspec.convert(fields, contract)


@cache
def _decoded_fields(row: type[Row], contract: type[Struct]) -> frozenset[str]:
    return json_fields(row) & frozenset(contract.__struct_fields__)
