"""The JetStream API: requests that create, change and describe streams and consumers, and their errors.

nats-py has calls for most of this, but not for the newer fields and operations that Headrace needs, so requests are built
here as the API documents them (ADR-1 and the JSON schemas `io.nats.jetstream.api.v1`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from headrace.errors import LogUnavailable
from headrace.log import subjects

API_TIMEOUT_SECONDS = 2.5  # answers take milliseconds; one that a restart swallowed never comes
NANOSECONDS: Final = 1_000_000_000  # in a second; JetStream counts every duration in nanoseconds

# JetStream error codes (nats-server, errors.json).
NO_STREAM: Final = 10059
NO_STREAM_OR_CONSUMER: Final = frozenset({10014, NO_STREAM})
TOO_FEW_SERVERS: Final = frozenset({10005, 10074})  # for the copies of a stream
NO_RECORD: Final = frozenset({10037, 10043, 10057})  # it was withdrawn before, or has aged out


class ProvisionError(Exception):
    """JetStream cannot be set up as the settings say. The message says what to change."""


def explain_refusal(error: dict[str, Any]) -> str:
    """Return what the servers say of a stream that they refuse, and what to do about it where that is known."""
    said: str = error["description"]
    if error.get("err_code") in TOO_FEW_SERVERS:
        return (
            f"{said}; HEADRACE_STREAM_REPLICAS asks for more copies than there are servers: run as many as one cluster "
            "(docs/nats-accounts.conf shows how), or set it to 1, which production refuses"
        )
    if "memory" in said:
        # What `max_memory_store: 0` does, the default of the official chart of NATS.
        return (
            f"{said}; Headrace keeps small streams in the memory of the servers: give JetStream max_memory_store: 256Mi "
            "(in the NATS chart, config.jetstream.memoryStore)"
        )
    return said


class LogGone(LogUnavailable):
    """JetStream answers, and does not have the stream."""


class JetStream:
    """Calls the JetStream API over one connection to NATS."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    @property
    def server_version(self) -> tuple[int, int]:
        """The major and minor version of the connected server."""
        version = self._connection.connected_server_version
        return version.major, version.minor

    @property
    def version(self) -> str:
        """The version of the connected server."""
        version = self._connection.connected_server_version
        return f"{version.major}.{version.minor}.{version.patch}"

    async def request(self, operation: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call an operation that has to succeed, such as ``STREAM.INFO.HEADRACE``, and return its answer.

        Raises:
            LogGone: there is no such stream.
            LogUnavailable: JetStream does not answer, or refuses.
        """
        answer = await self.call(operation, body)
        if error := answer.get("error"):
            refusal = LogGone if error.get("err_code") == NO_STREAM else LogUnavailable
            raise refusal(f"JetStream refused {operation}: {error['description']} ({error.get('err_code')})")
        return answer

    async def call(self, operation: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call an operation whose refusal means something to the caller, who looks for ``error`` in the answer.

        Raises:
            NotPermitted: this process's user may not call it.
            LogUnavailable: JetStream does not answer.
        """
        payload = msgspec.json.encode(body) if body is not None else b""
        try:
            message = await self._connection.request(subjects.api(operation), payload, timeout=API_TIMEOUT_SECONDS)
        except NatsTimeoutError as error:
            raise LogUnavailable(f"JetStream did not answer {operation} within {API_TIMEOUT_SECONDS:g} s") from error
        except NoRespondersError as error:
            raise LogUnavailable(
                "NATS answers, but without JetStream; start it with -js, or wait until it is ready"
            ) from error
        except NatsError as error:
            # The connection is lost or closing.
            raise LogUnavailable(f"the log cannot be reached ({error}); try again in a moment") from error
        return cast("dict[str, Any]", msgspec.json.decode(message.data))

    async def call_each(self, operation: str, bodies: Sequence[bytes], at_once: int) -> list[dict[str, Any]]:
        """Call an operation with each of many bodies, so many at once, and return the answers as they come.

        A request of its own costs a client three times as much as one of these.

        Raises:
            LogUnavailable: JetStream does not answer.
        """
        if not bodies:
            return []
        answers, inbox = _Answers(), self._connection.new_inbox()
        try:
            answering = await self._connection.subscribe(inbox, cb=answers.note)
            try:
                await self._publish_each(operation, bodies, at_once, answers, inbox)
            finally:
                await answering.unsubscribe()
        except TimeoutError as error:
            raise LogUnavailable(f"JetStream did not answer {operation} within {API_TIMEOUT_SECONDS:g} s") from error
        except NatsError as error:
            raise LogUnavailable(f"the log cannot be reached ({error}); try again in a moment") from error
        return answers.found

    async def _publish_each(
        self, operation: str, bodies: Sequence[bytes], at_once: int, answers: _Answers, inbox: str
    ) -> None:
        for place in range(0, len(bodies), at_once):
            for body in bodies[place : place + at_once]:
                await self._connection.publish(subjects.api(operation), body, inbox)
            await answers.until(min(place + at_once, len(bodies)))


class _Answers:
    """The answers to many requests that share an inbox."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()

    async def note(self, message: Msg) -> None:
        self.found.append(cast("dict[str, Any]", msgspec.json.decode(message.data)) if message.data else {})
        self._arrived.set()

    async def until(self, count: int) -> None:
        """Wait until there are so many.

        Raises:
            TimeoutError: They do not come in time.
        """
        async with asyncio.timeout(API_TIMEOUT_SECONDS):
            while len(self.found) < count:
                self._arrived.clear()
                await self._arrived.wait()
