from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import BadHeaderError, ProtocolError
from nats.protocol.parser import Parser
from structlog.testing import capture_logs

from headrace.log.client import open_client
from headrace.log.steady_client import SteadyClient
from headrace.log.wire import WireParser
from headrace.settings import Settings
from tests.examples import examples

WORD = st.text("abcXYZ09.$-_", min_size=1, max_size=20).map(str.encode)
PAYLOAD = st.binary(max_size=60) | st.sampled_from([b"\r\n", b"MSG a 1 0\r\n\r\n", b"x" * 5000])
HEADS = st.sampled_from([b"NATS/1.0\r\nA: b\r\n\r\n", b"NATS/1.0 404 No Messages\r\n\r\n", b"NATS/1.0\r\n\r\n"])
OTHERS = st.sampled_from([b"PING\r\n", b"PONG\r\n", b"+OK\r\n", b"-ERR 'Slow Consumer'\r\n", b'INFO {"a":1}\r\n'])
UNUSUAL = st.sampled_from([b"MSG  a\t1  2\r\nhi\r\n", b"HMSG a 1 12 13 \r\nNATS/1.0\r\n\r\nx\r\n"])
BROKEN = st.sampled_from([b"MSG a 1\r\n", b"HMSG a 1 5\r\n", b"MSG a one 2\r\nhi\r\n", b"what\r\n"])


def frame(subject: bytes, sid: int, reply: bytes | None, payload: bytes, head: bytes | None) -> bytes:
    """A message as a server sends it."""
    words = [b"MSG" if head is None else b"HMSG", subject, b"%d" % sid]
    words += [reply] if reply is not None else []
    words += [b"%d" % len(head)] if head is not None else []
    body = (head or b"") + payload
    return b" ".join([*words, b"%d" % len(body)]) + b"\r\n" + body + b"\r\n"


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    return frame(draw(WORD), draw(st.integers(1, 99)), draw(st.none() | WORD), draw(PAYLOAD), draw(st.none() | HEADS))


class Heard:
    """Stands for the client: it keeps what a parser gives to it."""

    def __init__(self) -> None:
        self.all: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        async def heard(*given: object) -> None:
            self.all.append((name, *given))

        return heard


async def parse(parser: type[Parser], chunks: Sequence[bytes]) -> list[tuple[Any, ...]]:
    """What a parser gives to the client, with the error that it ends with."""
    heard = Heard()
    parsing = parser(heard)
    try:
        for chunk in chunks:
            await parsing.parse(chunk)
    except ProtocolError:
        heard.all.append(("refused",))
    else:
        heard.all.append(("left", bytes(parsing.buf), parsing.state))
    return heard.all


@examples(300)
@given(
    st.lists(messages() | messages() | OTHERS | UNUSUAL | BROKEN, max_size=12),
    st.lists(st.integers(0, 400), max_size=8),
)
@example([b"MSG a 1 2\r\nhi\r\n"] * 3, [5, 9, 14])
def test_what_arrives_is_read_as_nats_py_reads_it_wherever_it_is_cut(sent: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(sent)
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {len(whole)})
    chunks = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    # Where nats-py has refused something, the connection is over, and what it has kept is of no interest.
    assert asyncio.run(parse(WireParser, chunks)) == asyncio.run(parse(Parser, chunks))


class _Transport:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.sent = b""

    def writelines(self, lines: list[bytes]) -> None:
        self.sent += b"".join(lines)

    async def drain(self) -> None:
        pass


async def sent_by(client: Client, headers: dict[str, str]) -> bytes | type[Exception]:
    transport = _Transport()
    vars(client).update(_transport=transport, _status=Client.CONNECTED, _flush_queue=asyncio.Queue(), _max_payload=1000)
    try:
        await client.publish("a.b", b"payload", "reply", headers)
        await client._flush_pending()  # pyright: ignore[reportPrivateUsage] - there is no server here that answers to a flush
    except BadHeaderError as error:
        return type(error)
    return transport.sent


NAMES = st.sampled_from(["Nats-Msg-Id", "A1", "traceparent", "x_y", "with space", "", " padded ", "naïve", "a:b"])
VALUES = st.text(max_size=20) | st.sampled_from(["", " padded ", "two\r\nlines", "\n", "ü", "a: b"])


@examples(300)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_headers_are_sent_as_nats_py_sends_them(headers: dict[str, str]) -> None:
    assert asyncio.run(sent_by(SteadyClient(), headers)) == asyncio.run(sent_by(Client(), headers))


async def test_a_callback_that_raises_is_told_and_the_next_message_is_heard(settings: Settings) -> None:
    heard: list[tuple[object, ...]] = []

    def on_message(message: Msg) -> None:
        heard.append((message.subject, message.reply, message.data, message.headers))
        if message.data == b"bad":
            raise ValueError("what it says")

    async with open_client(settings.nats, "hears") as client:
        with capture_logs() as logs:
            subscription = await client.hear("a.*", on_message)
            await client.publish("a.1", b"bad")
            await client.publish("a.2", b"good", "reply.to", {"A": "b"})
            await client.flush()
        await subscription.unsubscribe()
        await client.publish("a.3", b"late")
        await client.flush()
    assert [each["error"] for each in logs] == ["what it says"]
    assert heard == [("a.1", "", b"bad", None), ("a.2", "reply.to", b"good", {"A": "b"})]


@pytest.mark.parametrize(
    "name",
    [
        "flush",
        "_process_msg",
        "_process_pong",
        "_parse_header_lines",
        "_process_headers",
        "_remove_sub",
        "_send_publish",
    ],
)
def test_nats_py_still_has_what_is_replaced(name: str) -> None:
    assert callable(getattr(Client, name))
    assert {"_subs", "_ps", "_flush_queue"} <= vars(Client()).keys()
