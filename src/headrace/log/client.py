"""One connection to NATS, which reconnects for as long as the process lives."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

import nats.errors
from nats.aio.msg import Msg

from headrace import forks
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.denials import Denials, NotLetIn, Violation
from headrace.log.steady_client import SteadyClient
from headrace.log.tls import Tls, TlsFailed
from headrace.settings import NatsSettings
from headrace.telemetry import get_logger

START_TIMEOUT_SECONDS = 60.0  # how long a process waits for NATS before it gives up and leaves it to its supervisor
CONNECT_TIMEOUT_SECONDS = 2
CANCEL_AGAIN_SECONDS = 0.1
RECONNECT_WAIT_SECONDS = 0.2
SUBSCRIBE_AGAIN_SECONDS = 30.0  # to what was refused: NATS does not say when it permits more
PING_INTERVAL_SECONDS = 5  # two unanswered pings, so 10-15 s, tell a dead peer

_WRITTEN_ERROR = re.compile(rb"-ERR\s+'(.+)'\r\n")

log = get_logger(__name__)


class NatsClient(SteadyClient):
    """nats-py's client with the options, the log lines and the end of process that every connection here shares.

    Args:
        name: What NATS shows as the client's name.
        settings: Where NATS is, and who we are there.
        on_reconnect: Called after every reconnect.
        on_disconnect: Called when the connection breaks, before anything arrives on the next.
        on_wait: Called with the reason each time that the first connection does not come about.
    """

    def __init__(
        self,
        name: str,
        settings: NatsSettings,
        on_reconnect: Callable[[], None] | None = None,
        on_disconnect: Callable[[], None] | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.meant_to_close = False
        self._settings = settings
        self._denials = Denials(name, settings.user)
        self._tls = Tls(settings)
        if settings.user:
            # A user of ours may subscribe to its own inboxes only, so that it cannot read the answers to others. Inboxes are
            # named before the connection is open.
            self._inbox_prefix = bytearray(subjects.inbox(settings.user).encode())
        self._client_name = name
        self._on_reconnect = on_reconnect
        self._on_disconnect = on_disconnect
        self._on_wait = on_wait
        self._subscribing_again: asyncio.Task[None] | None = None
        # While a server is away every attempt fails the same way, five times a second; each error is logged once.
        self._logged_errors = set[str]()
        self._refusal: NotLetIn | None = None
        # A child with a copy of the socket would keep the connection open after this process has ended, and the server would
        # go on delivering tasks into it.
        forks.keep_from_children(self)

    async def open(self, patience: float = START_TIMEOUT_SECONDS) -> None:
        """Connect.

        Raises:
            LogUnavailable: NATS cannot be reached within ``patience`` seconds, or does not accept our credentials.
            UnusableCertificate: the files of TLS are not what they should be.
        """
        connecting = asyncio.create_task(self.connect(**self._options()), name="connect")
        try:
            await asyncio.wait({connecting}, timeout=patience)
            if not connecting.done():
                raise TimeoutError
            await connecting
        except TimeoutError as error:
            if self._tls.problem is not None:
                raise TlsFailed(self._tls.problem) from error
            why = ", ".join(sorted(self._logged_errors)) or "no answer"
            if _is_refusal(why):
                raise NotLetIn.because(why) from error
            raise LogUnavailable(
                f"NATS cannot be reached ({why}); check HEADRACE_NATS_URL and _PASSWORD or _TOKEN, and that the server runs"
            ) from error
        except nats.errors.Error as error:
            raise NotLetIn.because(str(error)) from error
        finally:
            # nats-py may lose a cancellation, between two attempts to connect.
            while not connecting.done():
                connecting.cancel()
                await asyncio.wait({connecting}, timeout=CANCEL_AGAIN_SECONDS)

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,
        old_style: bool = False,
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """See `Client.request`.

        Raises:
            NotPermitted: the user may not publish to the subject.
        """
        asking = asyncio.ensure_future(super().request(subject, payload, timeout, old_style, headers))
        with self._denials.expecting(subject) as denied:
            try:
                await asyncio.wait({asking, denied}, return_when=asyncio.FIRST_COMPLETED)
                if denied.done():
                    denied.result()
                return await asking
            finally:
                asking.cancel()

    @property
    def denials(self) -> Denials:
        """What NATS did not permit since the connection was made."""
        return self._denials

    def explain_refusal(self, subject: str) -> str | None:
        """Say that this user may not publish to a subject, if the server has refused it; None when it has not."""
        return self._denials.explain(subject)

    async def flush_and_close(self) -> None:
        """Send what is buffered, and close the connection."""
        self.meant_to_close = True
        with suppress(nats.errors.Error, TimeoutError):
            if self.is_connected:
                await self.flush(timeout=CONNECT_TIMEOUT_SECONDS)
        await self.close()

    @property
    def refusal(self) -> str | None:
        """Say in words that the server does not let us in any more, and what to do; None while it does, or does not answer."""
        if self.is_connected or self._refusal is None:
            return None
        return f"{self._refusal.message}, and start this process again: it reads them once"

    @property
    def is_in_cluster(self) -> bool:
        """Whether the server is one of several that keep copies for each other."""
        return bool(self._server_info.get("cluster"))

    @property
    def asks_who_we_are(self) -> bool:
        """Whether the server lets nobody in without credentials."""
        return bool(self._server_info.get("auth_required"))

    def descriptors(self) -> Iterable[int]:
        """See `headrace.forks.OwnsDescriptors`."""
        transport = self._transport
        writer = getattr(transport, "_io_writer", None)
        sock = writer.get_extra_info("socket") if writer is not None else None
        return [sock.fileno()] if sock is not None and sock.fileno() >= 0 else []

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "servers": [server.strip() for server in settings.url.split(",")],
            "name": self._client_name,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": RECONNECT_WAIT_SECONDS,
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "ping_interval": PING_INTERVAL_SECONDS,
            "error_cb": self._error_occurred,
            "disconnected_cb": self._disconnected,
            "reconnected_cb": self._reconnected,
            "closed_cb": self._closed,
            "inbox_prefix": bytes(self._inbox_prefix),
        }
        if settings.token:
            options["token"] = settings.token
        if settings.user:
            options |= {"user": settings.user, "password": settings.password or ""}
        if settings.credentials:
            options["user_credentials"] = settings.credentials
        if self._tls.is_wanted:
            options["tls"] = self._tls.open()
        return options

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        """Learn what the server says of itself; see `Client._process_info`.

        nats-py would go on in plain text, with our password, when a server that is to use TLS says that it does not need it.
        """
        if initial_connection:
            self._tls.insist(info)
        await super()._process_info(info, initial_connection)

    async def _process_err(self, err_msg: str) -> None:
        """Handle an error of the server; see `Client._process_err`.

        nats-py has turned it to lower case, in which subjects are not those of the server's configuration. Its buffer still
        has what the server wrote.
        """
        found = _WRITTEN_ERROR.match(self._ps.buf)
        written = found[1].decode() if found else err_msg
        if Violation.parse(written) is None:
            await super()._process_err(err_msg)
            return
        self._err = nats.errors.Error(f"nats: {written}")
        await self._error_cb(self._err)

    async def _error_occurred(self, error: Exception) -> None:
        message = self._tls.explain(error) or str(error)
        message = message or ("no answer" if isinstance(error, TimeoutError) else type(error).__name__)
        if violation := Violation.parse(message):
            self._denials.note(violation)
            if violation.is_lasting and (self._subscribing_again is None or self._subscribing_again.done()):
                self._subscribing_again = asyncio.create_task(self._subscribe_again(), name="subscribe again")
            return
        if self.is_connected or message not in self._logged_errors:
            log.warning("NATS client error", client=self._client_name, error=message)
        self._logged_errors.add(message)
        self._refusal = NotLetIn.because(message) if _is_refusal(message) else self._refusal
        if self._on_wait is not None and not self.is_connected:
            self._on_wait(f"NATS cannot be reached: {message}")

    async def _subscribe_again(self) -> None:
        """Subscribe again to what was refused, until it is permitted or the connection is another one."""
        while self._denials.refused_subscriptions:
            await asyncio.sleep(SUBSCRIBE_AGAIN_SECONDS)
            with suppress(nats.errors.Error, OSError, TimeoutError):
                refused, since = self._denials.refused_subscriptions, monotonic()
                for each in [each for each in self._subs.values() if each.subject in refused]:
                    await self._send_subscribe(each)
                # The server answers in order.
                await self.flush()
                if (permitted := self._denials.forget_subscriptions(since)) and self._on_reconnect is not None:
                    log.info("NATS permits what it has refused before", client=self._client_name, subjects=permitted)
                    # What came meanwhile was missed, as between two connections.
                    self._on_reconnect()

    async def _disconnected(self) -> None:
        if self._on_disconnect is not None:
            self._on_disconnect()
        self._tls.renew()
        if not self.is_closed:
            log.warning("lost NATS; reconnecting", client=self._client_name)

    async def _reconnected(self) -> None:
        self._logged_errors.clear()
        self._refusal = None
        self._tls.problem = None
        self._denials.forget()
        if self._on_reconnect is not None:
            self._on_reconnect()

    async def _closed(self) -> None:
        if self._subscribing_again is not None:
            self._subscribing_again.cancel()
        # nats-py gives up for good on some errors of the server; a new process does not have to.
        if not self.meant_to_close:
            log.error(
                "NATS closed the connection for good; ending this process so that it is started anew",
                client=self._client_name,
            )
            signal.raise_signal(signal.SIGTERM)


def _is_refusal(error: str) -> bool:
    """Tell whether an error of the server says that it does not know our user or password."""
    return "authorization violation" in error.lower()


@asynccontextmanager
async def open_client(
    settings: NatsSettings, name: str, patience: float = START_TIMEOUT_SECONDS
) -> AsyncGenerator[NatsClient]:
    """A connection for the duration of the block. It provisions nothing.

    Raises:
        LogUnavailable: NATS cannot be reached within ``patience`` seconds.
    """
    client = NatsClient(f"headrace-{name}", settings)
    await client.open(patience)
    try:
        yield client
    finally:
        await client.flush_and_close()
