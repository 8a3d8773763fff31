"""Headrace from Python: submit tasks and batches, list and follow them, wait for their results, cancel them and run them again.

    async with Client("http://127.0.0.1:8080", key=os.environ["HEADRACE_API_KEY"]) as client:
        handle = await client.submit(word_count, WordCount(text="one two"))
        async for event in handle.follow():
            print(event.event, event.data)
        print((await handle.result()).words)

``word_count`` is a handler decorated with `headrace.task.task`, or ``TaskRef[WordCount, Counts]("word_count")`` in a program that does
not import the handler. A type checker knows both types, and they are checked when the program runs. By name, `Client.submit` takes any
input and returns the task as it was accepted, whose result is `Client.result`. `SyncClient` is the same without an event loop.

A refusal of the API is raised as `ProblemError`, an API that cannot be reached as `httpx.TransportError`, of which `Unreachable`
says that no connection could be made, where to, and what to do, and what cannot be sent
at all, as a key with a line break, as `UnusableRequest`. The result of a task that has none raises `TaskFailed`. The client retries
by itself what may be sent twice without harm: listing, following, waiting for a result, cancelling, running a selection again, and
submitting with a ``key``. A request over a limit of the API does nothing, so the client waits until the limit permits more, for a
minute and a half at most, and sends it again; but a batch without a ``key``, whose inputs are gone. What fails each time, as a
refusal or a certificate that is not trusted, it does not retry. Nor does it wait for an API of this machine that has not answered
it yet and refuses the connection, because it is not started; but it does where it follows, waits for a result or sends a batch.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from headrace.client.address import open_http
from headrace.client.answers import NOT_HEADRACE, ProblemError, TaskFailed, UnexpectedResult, UnusableRequest
from headrace.client.batches import BatchOptions
from headrace.client.connection import ANSWER_SECONDS
from headrace.client.driver import AsyncDriver
from headrace.client.handles import BatchHandle, BatchOutcome, TaskHandle
from headrace.client.operations import Operations
from headrace.client.retries import ATTEMPTS_MAX
from headrace.client.streams import RESET, StreamEvent
from headrace.client.sync_client import SyncClient
from headrace.client.sync_handles import SyncBatchHandle, SyncTaskHandle
from headrace.client.tasks import SubmitOptions
from headrace.client.unreachable import Unreachable
from headrace.contracts.task_ref import TaskRef

__all__ = [
    "ATTEMPTS_MAX",
    "NOT_HEADRACE",
    "RESET",
    "BatchHandle",
    "BatchOptions",
    "BatchOutcome",
    "Client",
    "ProblemError",
    "StreamEvent",
    "SubmitOptions",
    "SyncBatchHandle",
    "SyncClient",
    "SyncTaskHandle",
    "TaskFailed",
    "TaskHandle",
    "TaskRef",
    "UnexpectedResult",
    "Unreachable",
    "UnusableRequest",
]


class Client(Operations):
    """The API of one Headrace, for programs with an event loop.

    Args:
        url: Where the API is, as ``http://host:port``.
        key: The API key that each request is sent with. It is sent to this address only, and shown in no error.
        transport: Sends the requests; the network by default.

    Raises:
        UnusableRequest: The address is none, the key cannot be sent there, or the environment names a proxy or certificates
            that cannot be used.
    """

    def __init__(self, url: str, *, key: str | None = None, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(url, AsyncDriver(open_http(url, ANSWER_SECONDS, transport, key=key)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self.driver.close()
