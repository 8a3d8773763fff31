from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.lines import LINE_BYTES_MAX, split_lines


async def one_by_one(chunks: Sequence[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def split(chunks: Sequence[bytes]) -> list[bytes]:
    return [line async for line in split_lines(one_by_one(chunks))]


@given(st.lists(st.sampled_from([b"", b"\n", b"a", b"\r", b"\xe2\x80\xa8", b"b\nc", b"\n\n"]), max_size=12))
def test_lines_are_the_same_however_they_arrive(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    expected = whole.split(b"\n")
    assert asyncio.run(split(chunks)) == (expected if expected[-1] else expected[:-1])


async def test_a_line_without_an_end_is_refused_when_it_is_too_long() -> None:
    chunk = b"x" * (1 << 20)
    with pytest.raises(ValueError, match="more than"):
        await split([chunk] * (LINE_BYTES_MAX // len(chunk) + 1))
