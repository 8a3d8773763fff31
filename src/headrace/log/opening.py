"""Opening the log: connect, provision, verify; and the same again after every reconnect, before anything is appended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import nats.errors

from headrace.errors import LogUnavailable
from headrace.log import clock
from headrace.log.client import NatsClient, open_client
from headrace.log.connection import Log
from headrace.log.deliveries import Heartbeat
from headrace.log.jetstream import ProvisionError
from headrace.log.provisioning import NoteWait, ignore_wait, provision_when_ready
from headrace.log.streams import log_exists
from headrace.repeated import RepeatedWarning
from headrace.settings import Settings
from headrace.telemetry import get_logger

CATCH_UP_RETRY_SECONDS = 0.5

log = get_logger(__name__)

Compare = Callable[[Log], Awaitable[None]]


@asynccontextmanager
async def open_log(
    settings: Settings, name: str, compare: Compare | None = None, on_wait: NoteWait = ignore_wait
) -> AsyncGenerator[Log]:
    """Connect, provision the streams, and open the log for the duration of the block.

    Args:
        settings: Where NATS is and how the stream should be.
        name: What NATS shows as the client's name.
        compare: Returns when the log may be appended to, at first and after every reconnect; see `headrace.log.continuity`.
            None for a process that sees to it otherwise.
        on_wait: Called with what is waited for, each time that this changes.

    Raises:
        LogUnavailable: NATS or JetStream cannot be reached within a minute.
        ProvisionError: the streams cannot be made what the settings say.
    """
    connection = LogConnection(settings, name, compare, on_wait)
    await connection.connect()
    try:
        await connection.start()
        yield connection.log
    finally:
        await connection.close()


async def until_compared(opened: Log) -> None:
    """The ``compare`` of a process that does not know the read model: wait for one that does.

    Raises:
        LogUnavailable: the log does not answer.
    """
    await opened.continuity.until_compared()


@asynccontextmanager
async def open_to_read(settings: Settings, name: str, patience: float) -> AsyncGenerator[Log]:
    """Open a log that others have created, to read it: creates nothing, and does not append.

    Raises:
        LogUnavailable: NATS cannot be reached within ``patience`` seconds, or has no log yet.
    """
    async with open_client(settings.nats, name, patience) as connection:
        opened = Log(connection, connection, settings)
        if not await log_exists(opened.jetstream):
            raise LogUnavailable("there is no log yet; start Headrace, or run `headrace provision`")
        await opened.replayer.open()
        await opened.refresh()
        yield opened


@asynccontextmanager
async def open_heartbeat(settings: Settings, name: str) -> AsyncGenerator[Heartbeat]:
    """Open a connection on which another thread keeps deliveries in progress. It provisions nothing.

    Raises:
        LogUnavailable: NATS cannot be reached within a minute.
    """
    async with open_client(settings.nats, name) as connection:
        yield Heartbeat(connection)


class LogConnection:
    """Opens a log, and verifies it again after every reconnect before it is appended to."""

    def __init__(self, settings: Settings, name: str, compare: Compare | None, on_wait: NoteWait) -> None:
        self._settings = settings
        self._name = name
        self._compare = compare
        self._on_wait = on_wait
        self._connection = NatsClient(
            f"headrace-{name}", settings.nats, self._on_reconnect, self._on_disconnect, on_wait
        )
        # The server answers reads of history inside a connection's read loop, where they would hold up appends.
        self._history = NatsClient(f"headrace-{name}-history", settings.nats)
        self._catching_up: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._measuring: asyncio.Task[None] | None = None
        self.log = Log(self._connection, self._history, settings)

    async def connect(self) -> None:
        """Connect to NATS.

        Raises:
            LogUnavailable: NATS cannot be reached within a minute.
        """
        await self._connection.open()
        await self._history.open()

    async def start(self) -> None:
        """Provision and begin to read; then allow appends, at once or when the log was compared with the read model.

        Raises:
            LogUnavailable: JetStream does not answer within a minute.
            ProvisionError: the streams cannot be made what the settings say.
        """
        self.log.note_state(
            await provision_when_ready(self.log.jetstream, self._settings.stream, on_wait=self._on_wait)
        )
        self._on_wait("the log is open, and what works with it starts")
        await self.log.appender.open()
        await self.log.replayer.open()
        await self._connection.flush()
        await self._history.flush()
        self.log.on_reconnect(self.log.appender.on_reconnect)
        self.log.on_gone = self._recreate
        self.log.appender.acceptance.on_refused = self._start_probing
        self._measuring = asyncio.create_task(self._measure_clock(), name="measure the clock")
        if self._compare is None:
            self.log.allow_appends()
        else:
            self.log.hold_appends()
            self._start_catching_up("compare the log with the read model")

    async def close(self) -> None:
        """Close the connections."""
        for task in (self._catching_up, self._probing, self._measuring):
            if task is not None:
                task.cancel()
        for connection in (self._connection, self._history):
            await connection.flush_and_close()

    def _on_disconnect(self) -> None:
        if self._compare is not None:
            self.log.hold_appends()
        for callback in self.log.disconnect_callbacks:
            callback()

    def _on_reconnect(self) -> None:
        log.info("reconnected to NATS", client=self._name)
        self._start_catching_up("catch up after a reconnect")

    def _recreate(self) -> None:
        """Create the log again that was deleted while NATS stayed, as after a restart that lost its files."""
        if self._catching_up is None or self._catching_up.done():
            log.error("the log is gone; making it anew", client=self._name)
            self._start_catching_up("make the log anew")

    async def _measure_clock(self) -> None:
        while True:
            await asyncio.sleep(clock.MEASURE_SECONDS)
            # A log that does not answer is noticed by everybody who uses it.
            with suppress(LogUnavailable):
                await self.log.refresh()

    def _start_probing(self) -> None:
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self.log.appender.probe_until_taken(), name="probe the log")

    def _start_catching_up(self, name: str) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
        self._catching_up = asyncio.create_task(self._catch_up(), name=name)

    async def _catch_up(self) -> None:
        """Bring the log up to date until that succeeds; a connection that breaks again begins anew at its reconnect."""
        failing = RepeatedWarning(log, "the log cannot be used yet; trying again", "the log can be used")
        while self._connection.is_connected:
            try:
                await self._provision()
                await self._verify()
                for callback in tuple(self.log.reconnect_callbacks):
                    await callback()
            except (LogUnavailable, ProvisionError, nats.errors.Error) as error:
                self.log.held_because = str(error)
                failing.note(str(error), client=self._name)
                await asyncio.sleep(CATCH_UP_RETRY_SECONDS)
            else:
                failing.end(client=self._name)
                return

    async def _provision(self) -> None:
        self.log.note_state(await provision_when_ready(self.log.jetstream, self._settings.stream))

    async def _verify(self) -> None:
        """Wait until the log was compared with the read model, and allow appends."""
        if self._compare is not None:
            await self._compare(self.log)
            self.log.served_since = (await self.log.continuity.compared_mark()).servers_since
        self.log.filled = await self.log.continuity.last_filled()
        self.log.allow_appends()
