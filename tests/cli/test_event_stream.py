from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.client.event_stream import EventStreamParser, Frame

LINE_ENDS = ("\n", "\r\n", "\r")
BOM = b"\xef\xbb\xbf"

texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=12)
pieces_of_streams = st.sampled_from(
    [b"data: x", b"data:", b"data", b"id: 7", b"id", b"event: e", b"retry: 5", b": note", b"\r", b"\n", b"\r\n", b"\n\n", b" ", b"\xc3", b"\xa4", BOM]
)  # fmt: skip


def parse(stream: bytes, parser: EventStreamParser | None = None) -> list[Frame]:
    return (parser or EventStreamParser()).feed(stream)


def cut(stream: bytes, places: list[int]) -> Iterator[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places})
    for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
        yield stream[start:end]


@given(st.lists(pieces_of_streams | st.binary(max_size=4)).map(b"".join), st.lists(st.integers(0, 10_000), max_size=20))
def test_however_the_bytes_are_cut_the_events_are_the_same(stream: bytes, places: list[int]) -> None:
    whole, cut_up = EventStreamParser(), EventStreamParser()
    frames = [frame for chunk in cut(stream, places) for frame in cut_up.feed(chunk)]
    assert frames == whole.feed(stream)
    assert (cut_up.last_event_id, cut_up.retry) == (whole.last_event_id, whole.retry)


@given(st.lists(st.tuples(texts, texts, st.lists(texts, min_size=1, max_size=3))), st.data())
def test_what_is_written_is_read_whatever_ends_its_lines_and_wherever_it_is_cut(
    events: list[tuple[str, str, list[str]]], data: st.DataObject
) -> None:
    stream = ""
    for cursor, event, lines in events:
        end = data.draw(st.sampled_from(LINE_ENDS))
        stream += end.join((f"id: {cursor}", f"event: {event}", *(f"data: {line}" for line in lines), "", ""))
    parser, places = EventStreamParser(), data.draw(st.just([*range(len(stream))]) | st.lists(st.integers(0, 10_000)))
    read = [frame for chunk in cut(stream.encode(), places) for frame in parser.feed(chunk)]
    assert read == [Frame(event or "message", "\n".join(lines), cursor) for cursor, event, lines in events]


@pytest.mark.parametrize("end", LINE_ENDS)
def test_lines_of_data_are_joined(end: str) -> None:
    assert parse(f"data: YHOO{end}data: +2{end}data: 10{end}{end}".encode()) == [Frame("message", "YHOO\n+2\n10", "")]


def test_an_id_alone_moves_the_cursor_when_its_block_ends() -> None:
    parser = EventStreamParser("4")
    assert parse(b"id: 5\n", parser) == []
    assert parser.last_event_id == "4"
    assert parse(b"\n", parser) == []
    assert parser.last_event_id == "5"
    assert parse(b"data: x\n\n", parser) == [Frame("message", "x", "5")]


def test_an_event_without_id_has_the_one_before() -> None:
    assert parse(b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n") == [
        Frame("message", "a", "1"),
        Frame("message", "b", "1"),
        Frame("message", "c", ""),
    ]


def test_one_byte_order_mark_is_dropped() -> None:
    assert parse(BOM + b"data: x\n\n") == [Frame("message", "x", "")]
    assert parse(BOM + BOM + b"data: x\n\n") == []  # the field's name begins with the second one


def test_one_space_after_the_colon_is_dropped() -> None:
    assert parse(b"data:x\n\ndata: x\n\ndata:  x\n\n") == [
        Frame("message", "x", ""),
        Frame("message", "x", ""),
        Frame("message", " x", ""),
    ]


def test_empty_data_is_an_event_and_no_data_is_none() -> None:
    assert parse(b"data\n\ndata\ndata\n\nevent: e\n\ndata: x\n\n") == [
        Frame("message", "", ""),
        Frame("message", "\n", ""),
        Frame("message", "x", ""),  # not "e", which ended with its own block
    ]


def test_what_is_not_understood_is_left_out() -> None:
    parser = EventStreamParser("1")
    assert parse(b": still here\n\nid: 2\0\nretry: 1s\nretry: \xd9\xa1\ncolour: red\n\n", parser) == []
    assert (parser.last_event_id, parser.retry) == ("1", None)
    parse(b"retry: 250\n", parser)
    assert parser.retry == 250


def test_an_event_that_was_not_ended_is_dropped() -> None:
    assert parse(b"data: a\n\ndata: b\n") == [Frame("message", "a", "")]
