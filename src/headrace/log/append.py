"""The appender: writes to the log with many appends in flight, and tells apart how each ended.

nats-py's own asynchronous publish never resolves when the server answers with an error, which with expected sequences is
an everyday answer. So: one reply inbox, a future per append, and a bound on everything.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError

from headrace.errors import AppendRefused, HeadraceError, LogFull, LogUnavailable, ScheduleRefused, TooLarge
from headrace.log import subjects

IN_FLIGHT_MAX = 8192  # appends; at a thousand times the usual depth something is wrong, and waiting would hide it
BATCH_MESSAGES_MAX = 1000  # the server's limit for one atomic batch
BATCHES_OPEN_MAX = 8  # of one process; the server has room for 50 in all
TURN_MESSAGES = 50  # of an atomic batch, before others have their turn: about a millisecond
HEADERS_BYTES_MAX = 4096  # kept free in the server's max_payload, which covers headers and payload together
IN_PROCESS_SECONDS = 0.01  # until a log of several copies, which agree within milliseconds, is asked again

# JetStream error codes (nats-server, errors.json).
_WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
_DUPLICATE_IN_BATCH = 10201
_IN_PROCESS = 10158  # the copies of the log have not agreed yet on another append with this `Nats-Msg-Id`
_STORE_FULL = frozenset({10047, 10077})
_SCHEDULE_INVALID = frozenset({10189, 10223})  # pattern, time zone


class _InProcess(LogUnavailable):
    """It is not known yet whether this is a duplicate."""


class Appended(NamedTuple):
    """The log has it. ``duplicate``: it already had, under the same `Nats-Msg-Id`; the sequence is the first one's."""

    sequence: int
    duplicate: bool
    counted: int = 0  # of a counter, what it has come to


class Message(NamedTuple):
    """What is to be appended."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]


class _ApiError(msgspec.Struct):
    code: int
    err_code: int = 0
    description: str = ""


class _PublishAck(msgspec.Struct):
    seq: int = 0
    duplicate: bool = False
    val: str = ""
    error: _ApiError | None = None


_decoder = msgspec.json.Decoder(_PublishAck)


class _InFlight(NamedTuple):
    subject: str
    payload: bytes
    headers: Mapping[str, str]
    acknowledged: asyncio.Future[Appended]
    deadline: float


class Appender:
    """Appends messages and waits for the broker's acknowledgement, which is the commit.

    Args:
        connection: Connected to NATS.
        timeout: Seconds to wait for an acknowledgement, reconnects included.
    """

    def __init__(self, connection: Client, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._inbox = connection.new_inbox()
        self._in_flight: dict[str, _InFlight] = {}
        self.held = False  # while it is not known whether the log is the one it was, see `headrace.log.continuity`
        self._batches = asyncio.Semaphore(BATCHES_OPEN_MAX)
        self._count = 0
        self._expiry: asyncio.TimerHandle | None = None
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Begin to listen for acknowledgements."""
        self._subscription = await self._connection.subscribe(f"{self._inbox}.*", cb=self._on_reply)

    async def append(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> Appended:
        """Append one message and wait until the log has it.

        With a `Nats-Msg-Id` header the append is sent again after a reconnect, so a broker restart within the timeout
        costs time only; the broker drops what it already has. A log of one copy looks at an expected sequence before it
        looks for a duplicate, one of several copies after that: with both headers, either answer is to be expected.

        Raises:
            AppendRefused: an expected sequence in the headers did not hold.
            LogFull: the log takes nothing until something ages out.
            LogUnavailable: no acknowledgement. Whether the log has the message is then not known.
            TooLarge: the message does not fit the server's ``max_payload``.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        while True:
            try:
                return await self._append_once(subject, payload, headers)
            except _InProcess:
                if loop.time() > deadline:
                    raise
            await asyncio.sleep(IN_PROCESS_SECONDS)  # that it is agreed on is told to the other one only

    async def _append_once(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> Appended:
        if len(payload) > (limit := self.payload_bytes_max):
            raise TooLarge(f"this takes {len(payload):,} bytes in the log, which takes at most {limit:,}; send less")
        if not self._connection.is_connected:
            raise LogUnavailable("the log cannot be reached; try again in a moment")
        if self.held:
            raise LogUnavailable("the log is being compared with the read model; try again in a moment")
        if len(self._in_flight) >= IN_FLIGHT_MAX:
            raise LogUnavailable(f"{IN_FLIGHT_MAX} appends are waiting for the log; try again in a moment")
        loop = asyncio.get_running_loop()
        self._count += 1
        token = str(self._count)
        future: asyncio.Future[Appended] = loop.create_future()
        self._in_flight[token] = _InFlight(subject, payload, headers, future, loop.time() + self._timeout)
        if self._expiry is None:
            self._expiry = loop.call_later(self._timeout, self._expire)
        try:
            await self._publish(token)
            return await future
        except (ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError) as error:
            raise LogUnavailable("the log cannot be reached; try again in a moment") from error
        finally:
            del self._in_flight[token]

    async def append_all(self, messages: Sequence[Message]) -> Appended:
        """Append several messages as one, all or nothing (an atomic batch, ADR-50).

        A batch costs the server some milliseconds however small it is, so it is for bulk, and where two messages must not be
        seen one without the other. It is not sent again after a reconnect; whoever appends looks what the log has.

        Args:
            messages: From 1 to `BATCH_MESSAGES_MAX`. Expected sequences hold for the log as it was before.

        Returns:
            Where the last of them stands; the others stand right before it.

        Raises:
            AppendRefused: an expected sequence of one of them did not hold, or the log has one of their `Nats-Msg-Id`.
            LogFull: the log takes nothing until something ages out.
            LogUnavailable: no acknowledgement. Whether the log has the messages is then not known.
            TooLarge: a message does not fit the server's ``max_payload``.
        """
        assert 0 < len(messages) <= BATCH_MESSAGES_MAX
        batch = secrets.token_hex(16)
        *before, last = (
            message._replace(
                headers={
                    **message.headers,
                    subjects.BATCH_ID: batch,
                    subjects.BATCH_SEQUENCE: str(number),
                    **({subjects.BATCH_COMMIT: "1"} if number == len(messages) else {}),
                }
            )
            for number, message in enumerate(messages, 1)
        )
        async with self._batches:
            for number, message in enumerate(before, 1):
                await self.tell(*message)
                if number % TURN_MESSAGES == 0:
                    await asyncio.sleep(0)  # sending does not wait for anything, and others wait
            return await self.append(*last)

    async def count(self, subject: str) -> int:
        """Add one to a counter (ADR-49).

        Returns:
            What it has come to.

        Raises:
            LogUnavailable: no acknowledgement. Whether it was counted is then not known.
        """
        return (await self.append(subject, b"", {subjects.INCREMENT: "1"})).counted

    async def tell(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Append without waiting to hear that the log has it.

        For what is told on the way (`started`, progress): whatever is appended after it on this connection stands behind
        it in the log, so an acknowledged finish covers it, and without one the run is repeated anyway.

        Raises:
            LogUnavailable: it cannot even be sent.
            TooLarge: the message does not fit the server's ``max_payload``.
        """
        if len(payload) > (limit := self.payload_bytes_max):
            raise TooLarge(f"this takes {len(payload):,} bytes in the log, which takes at most {limit:,}; send less")
        if self.held:
            raise LogUnavailable("the log is being compared with the read model; try again in a moment")
        try:
            await self._connection.publish(subject, payload, headers=dict(headers))
        except (ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError) as error:
            raise LogUnavailable("the log cannot be reached; try again in a moment") from error

    async def on_reconnect(self) -> None:
        """Send again what was in flight when the connection broke and may be sent twice; give up atomic batches."""
        for token, waiting in list(self._in_flight.items()):
            if waiting.acknowledged.done():
                continue
            if subjects.BATCH_COMMIT in waiting.headers:
                waiting.acknowledged.set_exception(
                    LogUnavailable("the connection to the log broke; try again in a moment")
                )
            elif subjects.MSG_ID in waiting.headers:
                await self._publish(token)

    @property
    def payload_bytes_max(self) -> int:
        """Bytes a payload may have: what the server takes in one message, less the room kept for headers."""
        return self._connection.max_payload - HEADERS_BYTES_MAX

    async def _publish(self, token: str) -> None:
        subject, payload, headers, *_ = self._in_flight[token]
        await self._connection.publish(subject, payload, f"{self._inbox}.{token}", dict(headers))

    def _expire(self) -> None:
        """Fail what has waited too long. One timer for all: appends are answered long before it, in the order of time."""
        self._expiry = None
        loop = asyncio.get_running_loop()
        for waiting in self._in_flight.values():
            if waiting.deadline > loop.time():
                self._expiry = loop.call_at(waiting.deadline, self._expire)
                return
            if not waiting.acknowledged.done():
                late = LogUnavailable(f"the log did not acknowledge within {self._timeout:g} s")
                waiting.acknowledged.set_exception(late)

    async def _on_reply(self, message: Msg) -> None:
        found = self._in_flight.get(message.subject.rpartition(".")[2])
        if found is None or found.acknowledged.done():
            return  # answered after its deadline, or the second answer to an append that was sent twice
        outcome = _read_ack(message)
        if isinstance(outcome, Appended):
            found.acknowledged.set_result(outcome)
        else:
            found.acknowledged.set_exception(outcome)


def _read_ack(message: Msg) -> Appended | HeadraceError:
    if message.headers and message.headers.get(subjects.STATUS) == "503":
        return LogUnavailable("NATS answers, but nobody there keeps the log; is JetStream still starting?")
    try:
        ack = _decoder.decode(message.data)
    except msgspec.MsgspecError as error:
        return LogUnavailable(f"the log answered with something that is no acknowledgement: {error}")
    if ack.error is None:
        return Appended(ack.seq, ack.duplicate, int(ack.val or 0))
    if ack.error.err_code in _WRONG_LAST_SEQUENCE or ack.error.err_code == _DUPLICATE_IN_BATCH:
        return AppendRefused(ack.error.description)
    if ack.error.err_code == _IN_PROCESS:
        return _InProcess("the log is still taking in the same append from somebody else; try again in a moment")
    if ack.error.err_code in _SCHEDULE_INVALID:
        return ScheduleRefused(ack.error.description)
    if ack.error.err_code in _STORE_FULL or "maximum bytes exceeded" in ack.error.description:
        return LogFull("the log is full; try again later, or have its max_bytes raised")
    return LogUnavailable(f"the log refused: {ack.error.description} ({ack.error.err_code})")
