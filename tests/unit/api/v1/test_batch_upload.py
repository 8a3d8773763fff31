from __future__ import annotations

import asyncio
import errno
import io
import itertools
import json
import tempfile
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.api.edge.upload_room import UploadRoom
from headrace.api.v1 import batch_body, batch_upload
from headrace.api.v1.batch_body import read_lines, read_whole
from headrace.api.v1.batch_upload import BatchUpload
from headrace.catalog import Catalog
from headrace.contracts.batches import LineForm
from headrace.contracts.file_fields import FileFields
from headrace.contracts.kinds import KindDescription
from headrace.contracts.labels import decode_labels
from headrace.errors import InvalidInput, TooLarge, TooManyUploads
from headrace.inputs import InputCheck

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def catalog() -> Catalog:
    found = Catalog(cast("Any", None))
    cast("Any", found)._known["count"] = SimpleNamespace(
        check=InputCheck(SCHEMA),
        description=cast("KindDescription", None),
        files=FileFields(SCHEMA),
        title_property="name",
    )
    return found


def new_upload(input_bytes_max: int = 1000, room: UploadRoom | None = None) -> BatchUpload:
    return BatchUpload(catalog(), room or UploadRoom(1 << 30), "count", input_bytes_max)


def lines_of(
    given: Iterable[bytes], line_bytes_max: int, room: UploadRoom | None = None
) -> AsyncGenerator[list[bytes]]:
    return read_lines(parts(given), room or UploadRoom(1 << 30), line_bytes_max)


async def parts(given: Iterable[bytes]) -> AsyncGenerator[bytes]:
    for each in given:
        yield each


async def all_of(upload: BatchUpload, count: int, bytes_max: int) -> list[list[bytes]]:
    return [[task.input for task in chunk] async for chunk in upload.chunks(count, bytes_max)]


lines = st.lists(st.binary(max_size=8).map(lambda line: line.replace(b"\n", b"")), max_size=12)


@given(lines=lines, cuts=st.lists(st.integers(0, 120), max_size=8))
@settings(derandomize=True, deadline=None)
async def test_lines_are_the_same_wherever_the_body_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    body = b"\n".join(lines)
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    cut = [body[start:end] for start, end in itertools.pairwise(places)]
    read = [line async for some in lines_of(cut, 1000) for line in some]
    assert read == [line for line in lines if line.strip()]


async def test_a_line_that_comes_byte_by_byte_costs_no_more_than_its_bytes() -> None:
    began = time.process_time()
    read = [line async for some in lines_of(itertools.repeat(b"x", 300_000), 1 << 20) for line in some]
    assert read == [b"x" * 300_000]
    assert time.process_time() - began < 5, "to copy the line for each byte takes four times as long"


@pytest.mark.invariant(5)
@given(
    inputs=st.lists(st.integers(0, 10**9), min_size=1, max_size=40),
    count=st.integers(1, 10),
    bytes_max=st.integers(1, 100),
)
@settings(derandomize=True, deadline=None)
async def test_chunks_are_all_inputs_in_order_within_their_bounds(
    inputs: list[int], count: int, bytes_max: int
) -> None:
    with new_upload() as upload:
        await upload.add([json.dumps({"n": n}).encode() for n in inputs])
        await upload.complete()
        chunks = await all_of(upload, count, bytes_max)
        assert chunks == await all_of(upload, count, bytes_max)
    assert [msgspec.json.decode(each)["n"] for chunk in chunks for each in chunk] == inputs
    assert upload.total == len(inputs)
    assert all(len(chunk) >= 2 for chunk in chunks) or len(inputs) == 1
    for chunk in chunks[:-1]:
        assert len(chunk) <= max(count, 2)
        assert len(chunk) == 2 or sum(len(each) + 1 for each in chunk) <= bytes_max
    *but_the_last, _ = chunks[-1]
    assert len(but_the_last) <= max(count, 2)
    assert len(but_the_last) <= 2 or sum(len(each) + 1 for each in but_the_last) <= bytes_max


@pytest.mark.invariant(4)
async def test_how_inputs_are_written_does_not_matter_to_their_hash_and_all_else_does() -> None:
    async def hashed(inputs: list[bytes], of: object = "echo") -> str:
        with new_upload() as upload:
            await upload.add(inputs)
            await upload.complete()
            assert (await all_of(upload, 10, 1000))[0][-1] == inputs[-1].translate(None, b" \t"), "in the order given"
            return upload.body_hash(of)

    one = await hashed([b'{"n":1}', b'{"n":2}'])
    assert one == await hashed([b' { "n" : 1 }', b'{"n":\t2}'])
    nested = await hashed([b'{"n":1,"of":{"a":[{"x":1,"y":2}],"b":0}}'])
    assert nested == await hashed([b'{"of":{"b":0,"a":[{"y":2,"x":1}]},"n":1}'])
    assert nested != await hashed([b'{"n":1,"of":{"a":[{"x":2,"y":1}],"b":0}}'])
    others = [await hashed([b'{"n":2}', b'{"n":1}']), await hashed([b'{"n":1}']), await hashed([b'{"n":1}'] * 2, "x")]
    assert len({one, *others}) == 4


async def test_many_inputs_leave_others_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(batch_upload, "SLICE_SECONDS", 0)
    beside = asyncio.create_task(other())
    with new_upload() as upload:
        await upload.add([b'{"n": 1}'] * 1000)
    beside.cancel()
    assert turns >= 999


async def test_what_is_too_much_is_refused_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_upload, "INPUTS_MAX", 3)
    monkeypatch.setattr(batch_body, "BATCH_BYTES_MAX", 2 << 20)
    with new_upload() as upload, pytest.raises(TooLarge, match="at most 3 inputs"):
        await upload.add([b'{"n": 1}'] * 4)
    with new_upload(20) as upload, pytest.raises(TooLarge, match="/inputs/1: an input has at most 20 bytes"):
        await upload.add([b'{"n": 1}', b'{"n": 1, "more": "%s"}' % (b"x" * 20)])
    with pytest.raises(TooLarge, match="line 1 of the body has more than 10 bytes") as refused:
        _ = [some async for some in lines_of([b"x" * 6, b"x" * 6], 10)]
    assert [each.path for each in refused.value.errors] == ["/inputs/0"]
    with pytest.raises(TooLarge, match="line 5 of the body has more than 10 bytes") as refused:
        _ = [some async for some in lines_of([b"x\n\nx\n", b"  \nx", b"x" * 10], 10)]
    assert [each.path for each in refused.value.errors] == ["/inputs/2"]
    with pytest.raises(TooLarge, match="larger than 2 MB") as refused:
        _ = [some async for some in lines_of([b"x\n" * (1 << 20), b"x"], 10)]
    assert [each.path for each in refused.value.errors] == [""]
    with pytest.raises(TooLarge, match="larger than 1 MB") as refused:
        await read_whole(parts([b"x" * (1 << 20), b"x"]), 1 << 20)
    assert [each.path for each in refused.value.errors] == [""]


async def test_the_inputs_of_all_batches_together_have_a_limit_and_give_their_room_back() -> None:
    room = UploadRoom(20)
    with new_upload(room=room) as one, new_upload(room=room) as other:
        await one.add([b'{"n":1}'] * 2)
        with pytest.raises(TooManyUploads):
            await other.add([b'{"n":1}'])
    with new_upload(room=room) as again:
        await again.add([b'{"n":1}'] * 2)


async def test_lines_that_do_not_end_count_to_the_limit_of_all_batches() -> None:
    room = UploadRoom(10)
    async with (
        aclosing(lines_of([b"x" * 6, b"x"], 100, room)) as one,
        aclosing(lines_of([b"x" * 6] * 2, 100, room)) as other,
    ):
        await anext(one)
        await anext(one)
        await anext(other)
        with pytest.raises(TooManyUploads):
            await anext(other)
    room.take(10)


async def test_inputs_for_which_the_disk_has_no_room_are_refused_with_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", FullDisk)
    with new_upload() as upload:
        await upload.add([b'{"n": 1}'])
        with pytest.raises(TooManyUploads, match="no room on its disk"):
            await upload.complete()


class FullDisk(io.BytesIO):
    def __init__(self, max_size: int) -> None:
        super().__init__()

    def write(self, _given: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.invariant(5)
async def test_wrong_inputs_are_named_twenty_at_most_and_nothing_is_kept() -> None:
    with new_upload() as upload:
        await upload.add([b'{"n": 1}', b'{"n": "x"}', b"{}", b"7", b"{", b'{"n": 1%s}' % (b"0" * 400)])
        with pytest.raises(InvalidInput) as refused:
            await upload.complete()
    assert [each.path for each in refused.value.errors][:4] == ["/inputs/1/n", "/inputs/2", "/inputs/3", "/inputs/4"]
    with new_upload() as upload, pytest.raises(InvalidInput) as refused:
        await upload.add([b"{}"] * 1000)
    assert len(refused.value.errors) == 20
    assert upload.total == 20


async def test_an_entry_has_labels_of_its_own_besides_those_of_its_batch() -> None:
    entries = [
        b'{"input": {"n": 1, "text": "first", "name": "N\\u00e4me\\tone"}, "labels": {"b": "own", "c": "\xe2\x82\xac"}}',
        b'{"input": {"n": 2}}',
    ]
    shared = {"a": "1", "b": "2"}
    room = UploadRoom(1 << 30)
    with BatchUpload(catalog(), room, "count", 1000, LineForm.ENTRIES, shared) as upload:
        await upload.add(entries)
        await upload.complete()
        (tasks,) = [chunk async for chunk in upload.chunks(10, 1000)]
        with new_upload() as inputs_alone:
            await inputs_alone.add([b'{"n": 1, "text": "first", "name": "N\\u00e4me\\tone"}', b'{"n": 2}'])
            assert upload.body_hash(()) != inputs_alone.body_hash(())
    assert [(task.title, decode_labels(task.labels)) for task in tasks] == [
        ("Näme one", {"a": "1", "b": "own", "c": "€"}),
        ("", {}),
    ]
    room.take(1 << 30)


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (b'{"input": {"n": "x"}}', "/entries/0/input/n"),
        (b'{"input": {"n": 1}, "labels": {"a": "1", "customer": 42}}', "/entries/0/labels/customer"),
        (b'{"input": {"n": 1}, "labels": {"Customer": "42"}}', "/entries/0/labels/Customer"),
        (b'{"input": {"n": 1}, "labels": {"8": "1"}}', "/entries/0/labels"),
        (b'{"input": {"n": 1}, "labels": {"a": "1", "b": "1", "a": "2"}}', "/entries/0/labels/a"),
        (b'{"n": 1}', "/entries/0"),
    ],
)
async def test_what_is_wrong_with_an_entry_is_named_by_its_path(entry: bytes, path: str) -> None:
    shared = {str(each): "x" for each in range(8)}
    with BatchUpload(catalog(), UploadRoom(1 << 30), "count", 1000, LineForm.ENTRIES, shared) as upload:
        await upload.add([entry])
        with pytest.raises(InvalidInput) as refused:
            await upload.complete()
    assert [error.path for error in refused.value.errors] == [path]
