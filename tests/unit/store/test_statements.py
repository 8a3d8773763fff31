from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import asyncpg
import msgspec
import pytest
from sqlalchemy import ARRAY, BigInteger, Column, DateTime, MetaData, Table, Text

from headrace.store.columns import RawJson
from headrace.store.statements import column_arrays, column_names, insert_missing, load_by_id, upsert_newer

TABLE = Table(
    "things",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("input", RawJson),
    Column("created_at", DateTime(timezone=True)),
    Column("epoch", BigInteger),
    Column("sequence", BigInteger),
)


def test_every_column_is_read_and_written_in_the_order_of_the_table() -> None:
    assert column_names(TABLE) == "id, input, created_at, epoch, sequence"
    assert load_by_id(TABLE).startswith(f"SELECT {column_names(TABLE)} FROM things")


def test_json_travels_as_text_and_everything_else_as_what_it_is() -> None:
    assert (
        "unnest($1::TEXT[], $2::text[], $3::TIMESTAMP WITH TIME ZONE[], $4::BIGINT[], $5::BIGINT[])"
        in insert_missing(TABLE)
    )
    assert "SELECT id, input::json, created_at, epoch, sequence FROM" in insert_missing(TABLE)


@pytest.mark.invariant(7)
def test_a_row_is_written_only_over_an_older_one_and_keeps_when_it_was_created() -> None:
    statement = upsert_newer(TABLE)
    assert statement.endswith("WHERE (t.epoch, t.sequence) < (excluded.epoch, excluded.sequence)")
    assert "SET input = excluded.input, epoch = excluded.epoch, sequence = excluded.sequence" in statement
    assert "created_at = excluded" not in statement


class Labelled(msgspec.Struct):
    id: str
    labels: list[str]


LABELLED = Table("labelled", MetaData(), Column("id", Text, primary_key=True), Column("labels", ARRAY(Text)))


async def test_an_array_of_texts_comes_back_as_it_was_written(make_database: Callable[[], Awaitable[str]]) -> None:
    rows = [Labelled("a", []), Labelled("b", ["k=v"]), Labelled("c", ['say "x"', "a\\b", "{,}", "NULL", " é "])]
    connection = await cast("Any", asyncpg).connect(await make_database())
    try:
        await connection.execute("CREATE TABLE labelled (id text PRIMARY KEY, labels text[])")
        await connection.execute(insert_missing(LABELLED), *column_arrays(LABELLED, rows))
        found = await connection.fetch("SELECT id, labels FROM labelled ORDER BY id")
    finally:
        await connection.close()
    assert [Labelled(**record) for record in found] == rows
