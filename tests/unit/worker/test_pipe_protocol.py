"""Frames between a worker and the processes of its handlers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.worker.pipe_protocol import FRAME_BYTES_MAX, Answer, FromChild, Log, Ready, ToChild, Unpacker, pack


@given(
    said=st.lists(st.builds(Log, st.text(max_size=50), st.sampled_from(["info", "error"])), max_size=8),
    cuts=st.lists(st.integers(1, 60), min_size=1),
)
def test_frames_arrive_as_they_were_sent_however_the_pipe_cuts_them(said: list[Log], cuts: list[int]) -> None:
    unpacker = Unpacker(msgspec.msgpack.Decoder(FromChild))
    stream, found, turn = b"".join(map(pack, said)), [], 0
    while stream:
        cut = cuts[turn % len(cuts)]
        found += unpacker.feed(stream[:cut])
        stream, turn = stream[cut:], turn + 1
    assert found == said


def test_what_is_no_frame_is_refused() -> None:
    for wrong in (b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc1", pack(Ready())):
        with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
            Unpacker(msgspec.msgpack.Decoder(ToChild)).feed(wrong)
    with pytest.raises(ValueError, match="are over the limit"):
        pack(Answer("ValueError", "x" * FRAME_BYTES_MAX))
