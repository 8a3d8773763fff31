"""Reading texts out of JSON columns, which have what anybody sent."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from headrace.store.reading import text_in

NAMES = ["plain", "", "back\\slash", "\\", "\\\\u0000", 'a "quoted" one', "ünïcödé 😀", "two\nlines"]


@pytest.mark.parametrize("other", ["", "\0", "\0\0", "\\\0", "\\\\\0", "\\u0000", '"\0"', "\0\\", "name"])
async def test_a_text_is_found_whatever_stands_beside_it(
    make_database: Callable[[], Awaitable[str]], other: str
) -> None:
    connection = await asyncpg.connect(await make_database())
    try:
        query = f"SELECT {text_in('written', 'name')} FROM (SELECT CAST($1 AS json) AS written) given"
        for name in NAMES:
            for value in ({"input": {other: other}, "name": name}, {"name": name, "input": [other]}):
                assert await connection.fetchval(query, json.dumps(value)) == name
                assert await connection.fetchval(query, json.dumps(value, ensure_ascii=False)) == name
        assert await connection.fetchval(query, json.dumps({"name": f"a{other}"})) == f"a{other}".replace(
            "\0", "\ufffd"
        )
        assert await connection.fetchval(query, json.dumps({"name": None, "input": other})) is None
    finally:
        await connection.close()
