"""The appender: writes to the log with many appends in flight, and reports how each of them ended.

nats-py's own asynchronous publish never resolves when the server answers with an error, and with append conditions an error is
an everyday answer. The appender therefore has one reply inbox, a future for each append, and a bound on everything.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError

from headrace.errors import HeadraceError, LogUnavailable, TooLarge
from headrace.log import subjects
from headrace.log.acceptance import Acceptance
from headrace.log.acknowledgement import Appended, InProcess, read_acknowledgement
from headrace.log.steady_client import SteadyClient
from headrace.metrics.series import REQUEST_SECONDS, HistogramBy

IN_FLIGHT_MAX = 8192  # appends; at a thousand times the usual depth something is wrong, and waiting would hide it
BATCH_MESSAGES_MAX = 1000  # the server's limit for one atomic batch
BATCHES_OPEN_MAX = 8  # atomic batches of one process; the server has room for 50 in all
YIELD_MESSAGES = 50  # messages of an atomic batch between two yields to other tasks: about a millisecond
HEADERS_BYTES_MAX = 8192  # kept free in the server's max_payload for headers; title and labels take 3 KB at most
PROBE_SECONDS = 1.0  # between two appends of nothing to a log that takes nothing
# The log keeps the newest probe, and not for long.
PROBE_HEADERS: Mapping[str, str] = {subjects.ROLLUP: "sub", subjects.TTL: "1m"}
IN_PROCESS_RETRY_SECONDS = 0.01  # replicas agree on an append within milliseconds

_NO_ERROR = ("",)


class Message(NamedTuple):
    """A message to append."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]


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

    def __init__(self, connection: SteadyClient, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._inbox = connection.new_inbox()
        self._in_flight: dict[str, _InFlight] = {}
        # Set while the log is not verified, so that nothing is appended to it; see `headrace.log.continuity`.
        self.held = False
        self.acceptance = Acceptance()
        # For `headrace.log.metrics`: what was sent, and what appends took until they were answered, by the code of the error.
        self.sent = 0
        self.durations = HistogramBy(REQUEST_SECONDS)
        self._batches = asyncio.Semaphore(BATCHES_OPEN_MAX)
        self._count = 0
        self._expiry: asyncio.TimerHandle | None = None
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Subscribe to acknowledgements."""
        self._subscription = await self._connection.hear(f"{self._inbox}.*", self._on_reply)

    async def append(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> Appended:
        """Append one message and wait until the log has it.

        With a `Nats-Msg-Id` header the append is sent again after a reconnect, so a broker restart within the timeout
        costs time only; the broker drops duplicates. A log with one replica checks an append condition before it checks for
        duplicates, one with several replicas checks it afterwards: with both headers, expect either answer.

        Raises:
            AppendRefused: an append condition in the headers does not hold.
            LogFull: the log has no room until records age out.
            LogUnavailable: no acknowledgement came. Whether the log has the message is then not known.
            TooLarge: the message does not fit the server's ``max_payload``.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            try:
                appended = await self._append_once(subject, payload, headers)
            except InProcess as refusal:
                message = Message(subject, payload, headers)
                appended = await self._append_again(message, refusal, began + self._timeout)
        except HeadraceError as error:
            self.durations.record((error.code,), loop.time() - began)
            raise
        self.durations.record(_NO_ERROR, loop.time() - began)
        return appended

    async def _append_again(self, message: Message, refusal: InProcess, deadline: float) -> Appended:
        """Append what another publisher is appending, until it is known how that has ended. Raises as `append`."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                return await self._append_until_known(message)
        raise refusal

    async def _append_until_known(self, message: Message) -> Appended:
        while True:
            # The broker confirms only the first publisher; this one polls.
            await asyncio.sleep(IN_PROCESS_RETRY_SECONDS)
            with suppress(InProcess):
                return await self._append_once(*message)

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

        A batch costs the server some milliseconds however small it is, so use it for bulk, and for messages that must not be
        seen one without the other. It is not sent again after a reconnect; the caller reads what the log has.

        Args:
            messages: From 1 to `BATCH_MESSAGES_MAX`. Append conditions apply to the log as it was before the batch.

        Returns:
            The append of the last message; the others stand right before it.

        Raises:
            AppendRefused: an append condition does not hold, or the log has the `Nats-Msg-Id` of a message already.
            LogFull: the log has no room until records age out.
            LogUnavailable: no acknowledgement came. Whether the log has the messages is then not known.
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
        async with self._turn_for_batch():
            for number, message in enumerate(before, 1):
                await self.append_nowait(*message)
                # Sending does not wait for anything, so without this no other task would run.
                if number % YIELD_MESSAGES == 0:
                    await asyncio.sleep(0)
            return await self.append(*last)

    @asynccontextmanager
    async def _turn_for_batch(self) -> AsyncGenerator[None]:
        """Wait until fewer than `BATCHES_OPEN_MAX` atomic batches of this process are open, and count another one for the block.

        Raises:
            LogUnavailable: those that are open take too long. A log that acknowledges none would hold up each batch for longer
                than the one before.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._batches.acquire()
        except TimeoutError as error:
            raise LogUnavailable(
                f"{BATCHES_OPEN_MAX} atomic batches are not acknowledged for {self._timeout:g} s; try again in a moment"
            ) from error
        try:
            yield
        finally:
            self._batches.release()

    async def count(self, subject: str, by: int = 1) -> int:
        """Add to a counter (ADR-49).

        Returns:
            The new value of the counter.

        Raises:
            LogUnavailable: no acknowledgement came. Whether it was counted is then not known.
        """
        return (await self.append(subject, b"", {subjects.INCREMENT: str(by)})).counted

    async def append_nowait(self, subject: str, payload: bytes, headers: Mapping[str, str]) -> None:
        """Append without waiting for an acknowledgement, as for `started` and progress.

        Later appends of this connection stand behind this one in the log. So an acknowledged finish confirms the events before
        it, and without a finish the run is repeated anyway.

        Raises:
            LogUnavailable: the message cannot even be sent.
            TooLarge: the message does not fit the server's ``max_payload``.
        """
        if len(payload) > (limit := self.payload_bytes_max):
            raise TooLarge(f"this takes {len(payload):,} bytes in the log, which takes at most {limit:,}; send less")
        if self.held:
            raise LogUnavailable("the log is being compared with the read model; try again in a moment")
        self.sent += 1
        try:
            await self._connection.publish(subject, payload, headers=dict(headers))
        except (ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError) as error:
            raise LogUnavailable("the log cannot be reached; try again in a moment") from error

    async def probe_until_taken(self) -> None:
        """Append a record of nothing every `PROBE_SECONDS` until the log takes appends again, so that nobody else has to."""
        while subjects.STREAM in self.acceptance.refused:
            await asyncio.sleep(PROBE_SECONDS)
            if subjects.STREAM not in self.acceptance.refused:
                return
            # Why it was not taken is remembered by `acceptance`, as for every append.
            with suppress(HeadraceError):
                await self.append(subjects.PROBE, b"", PROBE_HEADERS)

    async def on_reconnect(self) -> None:
        """Send again the appends that were in flight and may be sent twice, and fail atomic batches."""
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
        """The largest payload: the server's limit for a message, less the room kept for headers."""
        return self._connection.max_payload - HEADERS_BYTES_MAX

    async def _publish(self, token: str) -> None:
        subject, payload, headers, *_ = self._in_flight[token]
        self.sent += 1
        await self._connection.publish(subject, payload, f"{self._inbox}.{token}", dict(headers))

    def _expire(self) -> None:
        """Fail the appends that have waited too long.

        One timer serves all appends: they are in order of their deadlines, and nearly all are answered long before.
        """
        self._expiry = None
        loop = asyncio.get_running_loop()
        for waiting in self._in_flight.values():
            if waiting.deadline > loop.time():
                self._expiry = loop.call_at(waiting.deadline, self._expire)
                return
            if not waiting.acknowledged.done():
                late = LogUnavailable(f"the log did not acknowledge within {self._timeout:g} s")
                waiting.acknowledged.set_exception(late)
                # Without a connection the log may be well; that it is away is known otherwise.
                if self._connection.is_connected:
                    self.acceptance.note_refused(waiting.subject, late)

    def _on_reply(self, message: Msg) -> None:
        found = self._in_flight.get(message.subject.rpartition(".")[2])
        # The answer may come after the deadline, or be the second one to an append that was sent twice.
        if found is None or found.acknowledged.done():
            return
        outcome = read_acknowledgement(message)
        if isinstance(outcome, Appended):
            found.acknowledged.set_result(outcome)
            if self.acceptance.refused:
                self.acceptance.note_taken(found.subject)
        else:
            found.acknowledged.set_exception(outcome)
            self.acceptance.note_refused(found.subject, outcome)
