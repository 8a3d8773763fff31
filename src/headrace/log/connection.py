"""The log, opened: connections to NATS with the readers and the writer on them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client

from headrace.errors import LogUnavailable
from headrace.log import provision
from headrace.log.append import Appender
from headrace.log.continuity import Filled, last_filled, wait_until_compared
from headrace.log.provision import LogGone, ProvisionError
from headrace.log.replay import Replayer
from headrace.settings import Settings
from headrace.telemetry import get_logger

__all__ = ["Client", "Log", "open_connection", "open_log", "until_compared"]

CONNECT_TIMEOUT_SECONDS = 2
START_TIMEOUT_SECONDS = 60.0  # how long a process waits for NATS before it gives up and leaves it to its supervisor
RECONNECT_WAIT_SECONDS = 0.2
CATCH_UP_AGAIN_SECONDS = 0.5
PING_INTERVAL_SECONDS = 5  # two unanswered pings, so 10-15 s, tell a dead peer

log = get_logger(__name__)

OnReconnect = Callable[[], Awaitable[None]]
Compare = Callable[["Log"], Awaitable[None]]


class _Hooks:
    def __init__(self) -> None:
        self.reconnect: list[OnReconnect] = []
        self.disconnect: list[Callable[[], None]] = []
        self.gone: Callable[[], None] | None = None


class Log:
    """The log of one process.

    Attributes:
        connection: For appends, pulls and live subscriptions.
        appender: Writes.
        replayer: Reads history, on a connection of its own.
        state: Where the log stood when last asked.
        filled: Which positions the log had to skip last, if it ever had to.
        served_since: When its servers were started, as far as is known. What consumers had come to before may be forgotten.
    """

    def __init__(self, connection: Client, history: Client, settings: Settings, hooks: _Hooks) -> None:
        self.connection = connection
        self.settings = settings.stream
        self.appender = Appender(connection, settings.stream.append_timeout)
        self.replayer = Replayer(history)
        self.state = provision.StreamState(0, 0, 0, 0)
        self.filled: Filled | None = None
        self.served_since: datetime | None = None
        self._seen = (0, 0)
        self._current = asyncio.Event()
        self._hooks = hooks

    @property
    def epoch(self) -> int:
        """When the stream was created, in milliseconds since 1970."""
        return self.state.epoch

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached now."""
        return self.connection.is_connected

    @property
    def is_current(self) -> bool:
        """Whether the log is known to be the one it was, so that it may be read on and appended to."""
        return self._current.is_set()

    async def until_current(self) -> None:
        """Wait until it is."""
        await self._current.wait()

    @property
    def seen(self) -> int:
        """The last sequence of this log that this process knows of, also before its server was started again."""
        epoch, sequence = self._seen
        return max(sequence, self.state.last_sequence) if epoch == self.epoch else self.state.last_sequence

    def stood_at(self, state: provision.StreamState) -> None:
        """Take note of where the log stands."""
        if state.epoch != self.epoch:
            self.filled = None
        before = self._seen[1] if self._seen[0] == state.epoch else 0
        self._seen = (state.epoch, max(before, state.last_sequence))
        self.state = state

    def hold(self) -> None:
        """Append nothing until it is known whether the log is the one it was."""
        self._current.clear()
        self.appender.held = True

    def release(self) -> None:
        """It is."""
        self.appender.held = False
        self._current.set()

    def on_reconnect(self, callback: OnReconnect) -> Callable[[], None]:
        """Have ``callback`` called after every reconnect of `connection`, in order of registration.

        Returns:
            What to call to have it no longer called.
        """
        self._hooks.reconnect.append(callback)
        return lambda: self._hooks.reconnect.remove(callback)

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when `connection` breaks, before anything arrives on the next."""
        self._hooks.disconnect.append(callback)

    async def refresh(self) -> provision.StreamState:
        """Ask the log where it stands.

        Raises:
            LogUnavailable: it does not answer, or was taken away; then it is made anew.
        """
        if not self.connection.is_connected:
            raise LogUnavailable("the log cannot be reached; try again in a moment")
        try:
            self.stood_at(await provision.stream_state(self.connection))
        except LogGone:
            if self._hooks.gone is not None:
                self._hooks.gone()
            raise
        return self.state


@asynccontextmanager
async def open_log(settings: Settings, name: str, compare: Compare | None = None) -> AsyncGenerator[Log]:
    """Connect, provision, and open the log; closes everything at the end.

    Args:
        settings: Where NATS is and how the stream should be.
        name: What NATS shows as the client's name.
        compare: Returns when the log may be appended to, at first and after every reconnect; see `headrace.log.continuity`.
            None for who sees to it otherwise.

    Raises:
        LogUnavailable: NATS or JetStream cannot be reached within a minute.
        ProvisionError: the stream cannot be made what the settings say.
    """
    hooks = _Hooks()
    replicas = settings.stream.replicas

    catching_up: asyncio.Task[None] | None = None

    async def reconnected() -> None:
        nonlocal catching_up
        log.info("reconnected to NATS", client=name)
        if catching_up is not None:
            catching_up.cancel()
        catching_up = asyncio.create_task(catch_up(), name="catch up after a reconnect")

    async def catch_up() -> None:
        while connection.is_connected:  # if it breaks again, the next reconnect begins this anew
            try:
                opened.stood_at(await _provision(connection, settings))  # it may have come back without its files
                if compare is not None:
                    await compare(opened)
                    opened.served_since = (await provision.provision_compared(connection, replicas)).since
                opened.filled = await last_filled(opened.replayer)
                opened.release()
                for callback in tuple(hooks.reconnect):
                    await callback()
            except (LogUnavailable, ProvisionError, nats.errors.Error) as error:
                log.warning("could not catch up after a reconnect; trying again", client=name, error=str(error))
                await asyncio.sleep(CATCH_UP_AGAIN_SECONDS)
            else:
                return

    def gone() -> None:  # while NATS stayed: as if that had come back without its files
        nonlocal catching_up
        if catching_up is None or catching_up.done():
            log.error("the log is gone; making it anew", client=name)
            catching_up = asyncio.create_task(catch_up(), name="make the log anew")

    def disconnected() -> None:
        if compare is not None:
            opened.hold()
        for callback in hooks.disconnect:
            callback()

    connection = await _connect(settings, f"headrace-{name}", reconnected, disconnected)
    history = await _connect(settings, f"headrace-{name}-history")
    try:
        opened = Log(connection, history, settings, hooks)
        opened.stood_at(await _provision(connection, settings))
        await opened.appender.open()
        await opened.replayer.open()
        await connection.flush()
        await history.flush()
        opened.on_reconnect(opened.appender.on_reconnect)
        hooks.gone = gone
        if compare is None:
            opened.release()
        else:
            opened.hold()
            catching_up = asyncio.create_task(catch_up(), name="compare the log with the read model")
        yield opened
    finally:
        if catching_up is not None:
            catching_up.cancel()
        for each in (connection, history):
            await _close(each)


async def until_compared(opened: Log) -> None:
    """The ``compare`` of a process that does not know the read model: wait for one that does.

    Raises:
        LogUnavailable: the log does not answer.
    """
    await wait_until_compared(opened.connection, opened.settings.replicas)


@asynccontextmanager
async def open_connection(
    settings: Settings, name: str, patience: float = START_TIMEOUT_SECONDS
) -> AsyncGenerator[Client]:
    """A connection of its own, as the worker's heartbeats need. Provisions nothing.

    Raises:
        LogUnavailable: NATS cannot be reached within ``patience`` seconds.
    """
    client = await _connect(settings, f"headrace-{name}", patience=patience)
    try:
        yield client
    finally:
        await _close(client)


@asynccontextmanager
async def open_to_read(settings: Settings, name: str, patience: float) -> AsyncGenerator[Log]:
    """Open a log that others have made, for who only looks at it: makes nothing, and does not append.

    Raises:
        LogUnavailable: NATS cannot be reached within ``patience`` seconds, or has no log yet.
    """
    async with open_connection(settings, name, patience) as connection:
        if not await provision.exists(connection):
            raise LogUnavailable("there is no log yet; an API or a worker makes it when it starts")
        opened = Log(connection, connection, settings, _Hooks())
        await opened.replayer.open()
        await opened.refresh()
        yield opened


async def _close(client: _Client) -> None:
    client.meant_to_close = True
    with suppress(nats.errors.Error, TimeoutError):
        if client.is_connected:
            await client.flush(timeout=CONNECT_TIMEOUT_SECONDS)
    await client.close()


class _Client(Client):
    """nats-py's client, reading headers in a third of the time.

    It looks at every character of every header's name, which is a tenth of what a projector does all day; the server sends
    well-formed ones. Should nats-py rename the method, this one is not called, and everything still works.
    """

    meant_to_close = False

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        lines = (line.partition(":") for line in raw.decode("utf-8", "replace").split("\r\n") if line)
        return {name: value.strip() for name, _, value in lines}


async def _connect(
    settings: Settings,
    name: str,
    reconnected: OnReconnect | None = None,
    disconnected: Callable[[], None] | None = None,
    patience: float = START_TIMEOUT_SECONDS,
) -> _Client:
    client = _Client()
    said: set[str] = set()  # while a server is away every attempt fails the same way, five times a second

    async def on_error(error: Exception) -> None:
        what = str(error) or type(error).__name__
        if client.is_connected or what not in said:
            log.warning("NATS client error", client=name, error=what)
        said.add(what)

    async def on_disconnect() -> None:
        if disconnected is not None:
            disconnected()
        if not client.is_closed:
            log.warning("lost NATS; reconnecting", client=name)

    async def on_reconnect() -> None:
        said.clear()
        if reconnected is not None:
            await reconnected()

    async def on_close() -> None:
        if not client.meant_to_close:  # nats-py gives up for good on some errors of the server; a new process does not
            log.error(
                "NATS closed the connection for good; ending this process so that it is started anew", client=name
            )
            signal.raise_signal(signal.SIGTERM)

    options: dict[str, Any] = {}
    if settings.nats.token:
        options["token"] = settings.nats.token
    if settings.nats.credentials:
        options["user_credentials"] = settings.nats.credentials
    try:
        async with asyncio.timeout(patience):
            await client.connect(
                servers=[server.strip() for server in settings.nats.url.split(",")],
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=RECONNECT_WAIT_SECONDS,  # pyright: ignore[reportArgumentType]
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                ping_interval=PING_INTERVAL_SECONDS,
                error_cb=on_error,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
                closed_cb=on_close,
                **options,
            )
    except TimeoutError as error:
        why = ", ".join(sorted(said)) or "no answer"
        raise LogUnavailable(
            f"NATS cannot be reached ({why}); check HEADRACE_NATS_URL and _TOKEN, and that the server runs"
        ) from error
    except nats.errors.Error as error:
        raise LogUnavailable(f"NATS does not let us in: {error}; check HEADRACE_NATS_TOKEN or _CREDENTIALS") from error
    return client


async def _provision(connection: Client, settings: Settings) -> provision.StreamState:
    """Provision, waiting for a JetStream that is still recovering its files."""
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_SECONDS
    while True:
        try:
            return await provision.provision(connection, settings.stream)
        except LogUnavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            log.warning("waiting for JetStream", error=error.message)
            await asyncio.sleep(RECONNECT_WAIT_SECONDS)  # a starting server announces nothing
