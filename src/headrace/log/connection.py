"""The log of one process: its connections to NATS, with the readers and the writer on them. `headrace.log.opening` makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from time import monotonic

import msgspec

from headrace.errors import HeadraceError, LogUnavailable
from headrace.log.append import Appender
from headrace.log.client import NatsClient
from headrace.log.continuity import Continuity, Filled
from headrace.log.deliveries import Acknowledger, Delivery
from headrace.log.jetstream import JetStream, LogGone
from headrace.log.live import Live
from headrace.log.pull import Puller
from headrace.log.replay import Replayer
from headrace.log.streams import StreamState, read_retention_horizon, read_stream_state
from headrace.settings import Settings

OnReconnect = Callable[[], Awaitable[None]]

STATE_SECONDS = 5.0  # for which the known extent of the log says what has left it
# What is about to leave counts as having left, until it is asked again.
AGED_MARGIN = timedelta(seconds=2 * STATE_SECONDS)

_EVERYTHING = ">"
_NOT_COMPARED = "the log was not compared with the read model yet"


class Log:
    """The log of one process.

    Attributes:
        settings: How the stream should be.
        jetstream: The JetStream API, for the modules of this package.
        appender: Writes.
        replayer: Reads history, on a connection of its own.
        live: Publishes and subscribes on the live side.
        continuity: Knows whether the log was compared with the read model.
        state: The extent of the log when it was last asked.
        filled: The positions that the log skipped last, None when it never had to.
        held_because: Why nothing is appended yet although the log answers; None when nothing keeps it from that.
        served_since: When its servers started, as far as is known. Consumers may have forgotten older deliveries.
        current_since: When the log was verified last, by the monotonic clock; None when it never was.
    """

    def __init__(self, connection: NatsClient, history: NatsClient, settings: Settings) -> None:
        self.settings = settings.stream
        self.jetstream = JetStream(connection)
        self.appender = Appender(connection, settings.stream.append_timeout)
        self.replayer = Replayer(history)
        self.live = Live(connection)
        self.continuity = Continuity(connection, self.jetstream, self.replayer, settings.stream.replicas)
        self.state = StreamState(0, 0, 0, 0)
        self.filled: Filled | None = None
        self.held_because: str | None = None
        self.served_since: datetime | None = None
        self.current_since: float | None = None
        # For `LogConnection`, which calls them.
        self.reconnect_callbacks: list[OnReconnect] = []
        self.disconnect_callbacks: list[Callable[[], None]] = []
        self.on_gone: Callable[[], None] | None = None
        self._connection = connection
        self._history = history
        self._seen = (0, 0)
        self._asked_at = 0.0
        # The epoch, the first sequence that has not reached its age, and when it was asked for.
        self._first = (0, 0, 0.0)
        self._current = asyncio.Event()

    @property
    def epoch(self) -> int:
        """When the stream was created, in milliseconds since 1970."""
        return self.state.epoch

    @property
    def seen(self) -> int:
        """The last sequence of this log that this process knows of, also from before its servers started again."""
        epoch, sequence = self._seen
        return max(sequence, self.state.last_sequence) if epoch == self.epoch else self.state.last_sequence

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached now."""
        return self._connection.is_connected

    @property
    def disconnected(self) -> str | None:
        """Say in words that NATS cannot be reached now, and what is known of the reason; None when it can."""
        return None if self.is_connected else self._connection.refusal or "disconnected; reconnecting"

    @property
    def is_closed(self) -> bool:
        """Whether this process has closed its connection, so that nothing can be appended any more."""
        return self._connection.meant_to_close

    @property
    def is_current(self) -> bool:
        """Whether the log was verified since the last reconnect, so that it may be read on and appended to."""
        return self._current.is_set()

    @property
    def problem(self) -> str | None:
        """Why the log cannot be used as it has to be, as health checks say it; None when nothing is known."""
        lasting = self._connection.denials.lasting_problem or self._history.denials.lasting_problem
        return self.held_because or lasting or self.appender.acceptance.problem

    @property
    def not_permitted(self) -> str | None:
        """What NATS did not permit this process lately, in a sentence; None when everything was."""
        return self._connection.denials.problem or self._history.denials.problem

    async def until_current(self) -> None:
        """Wait until the log was verified."""
        await self._current.wait()

    async def check(self) -> str | None:
        """Ask the log, and say why it cannot be used as it has to be, as health checks do; None when it can.

        A server that has stopped answering keeps its connections for a while, so what is known does not say that it is away.
        """
        try:
            await self.refresh()
        except HeadraceError as error:
            return self._connection.refusal or error.message
        return self.problem

    async def refresh(self) -> StreamState:
        """Ask for the extent of the log, and keep it as `state`.

        Raises:
            LogUnavailable: the log does not answer, or does not exist; a missing one is then created again.
        """
        if not self._connection.is_connected:
            raise LogUnavailable("the log cannot be reached; try again in a moment")
        try:
            state = await read_stream_state(self.jetstream)
            if state.kept_before is not None:
                first = await self._find_first(state, state.kept_before)
                state = msgspec.structs.replace(state, first_sequence=first)
            self.note_state(state)
        except LogGone:
            if self.on_gone is not None:
                self.on_gone()
            raise
        return self.state

    async def _find_first(self, state: StreamState, kept_before: datetime) -> int:
        """Find the sequence from which on no record has reached its age; one behind the last when all have.

        The oldest record says nothing of it when it is one that is kept for longer, such as a schedule.
        """
        epoch, first, asked_at = self._first
        if epoch != state.epoch or monotonic() - asked_at >= STATE_SECONDS:
            asked_at, since = monotonic(), (kept_before + AGED_MARGIN).isoformat()
            records = (await self.replayer.page(_EVERYTHING, records=1, since=since)).records
            first = records[0].sequence if records else state.last_sequence + 1
            self._first = (state.epoch, first, asked_at)
        return first

    async def keep_current(self) -> StreamState:
        """Return the extent of the log as it was `STATE_SECONDS` ago or later, so that it has the marks of what is dropped now.

        Raises:
            LogUnavailable: the log does not answer.
        """
        return self.state if monotonic() - self._asked_at < STATE_SECONDS else await self.refresh()

    def note_state(self, state: StreamState) -> None:
        """Keep the extent of the log, which may have become another one."""
        self._asked_at = monotonic()
        if state.epoch != self.epoch:
            self.filled = None
        before = self._seen[1] if self._seen[0] == state.epoch else 0
        self._seen = (state.epoch, max(before, state.last_sequence))
        self.state = state

    async def retention_horizon(self) -> datetime:
        """The time, by the server's clock, before which records have left the log.

        Raises:
            LogUnavailable: the log does not answer.
        """
        return await read_retention_horizon(self.jetstream)

    def hold_appends(self) -> None:
        """Refuse appends until the log was verified."""
        self._current.clear()
        self.appender.held = True
        self.held_because = _NOT_COMPARED

    def allow_appends(self) -> None:
        """The log was verified; appends are accepted again."""
        self.appender.held = False
        self.held_because = None
        self.current_since = monotonic()
        self._current.set()

    def on_reconnect(self, callback: OnReconnect) -> Callable[[], None]:
        """Have ``callback`` called after every reconnect, when the log was verified, in the order of registration.

        Returns:
            A function that takes the callback back.
        """
        self.reconnect_callbacks.append(callback)
        return lambda: self.reconnect_callbacks.remove(callback)

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the connection breaks, before anything arrives on the next."""
        self.disconnect_callbacks.append(callback)

    def puller(self, durable: str, on_delivery: Callable[[Delivery], None], on_end: Callable[[bool], None]) -> Puller:
        """A reader of a durable consumer; see `Puller` for the callbacks."""
        return Puller(self._connection, durable, on_delivery, on_end)

    def acknowledger(self) -> Acknowledger:
        """A sender of acknowledgements for the deliveries of this log's pullers."""
        return Acknowledger(self._connection)
