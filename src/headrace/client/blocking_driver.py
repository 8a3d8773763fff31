"""Run the operations of a client by blocking the thread that calls them; `headrace.client.driver` says why there are two drivers."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import httpx

from headrace.client.answers import UnusableRequest

Item = TypeVar("Item")
T = TypeVar("T")

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
"""When the operation that this thread runs has to be over, by `time.monotonic`."""


def complete(operation: Coroutine[Any, Any, T]) -> T:
    """Run an operation over a `BlockingDriver` to its end.

    Raises:
        UnusableRequest: The operation waits for an event loop, because something asynchronous was given to it.
    """
    try:
        operation.send(None)
    except StopIteration as done:
        return done.value
    # Raised where the operation waits, so that it closes what it has opened.
    operation.throw(UnusableRequest("SyncClient has no event loop: give it inputs that need none, or use Client"))
    raise AssertionError("the operation waits on, for an event loop that it has not")


def iterate(events: AsyncGenerator[T]) -> Generator[T]:
    """Give what an operation over a `BlockingDriver` gives; closing this generator closes its answer.

    Raises:
        UnusableRequest: The operation waits for an event loop, because something asynchronous was given to it.
    """
    try:
        while True:
            try:
                event = complete(anext(events))
            except StopAsyncIteration:
                return
            yield event
    finally:
        complete(events.aclose())


class BlockingDriver:
    """Blocks the thread that runs an operation, and never suspends it. Several threads may use it.

    Args:
        http: Sends the requests.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self._closed = threading.Event()

    async def send(self, request: httpx.Request, *, follow_redirects: bool = False) -> httpx.Response:
        """Send a request; see `headrace.client.driver.Driver.send`. No step of it takes longer than the operation may."""
        left = _seconds_left()
        if left is not None:
            steps = dict[str, float | None](request.extensions["timeout"])
            request.extensions["timeout"] = {
                step: left if seconds is None else min(seconds, left) for step, seconds in steps.items()
            }
        try:
            return self.http.send(request, stream=True, follow_redirects=follow_redirects)
        except httpx.TimeoutException:
            _seconds_left()
            raise

    async def parts(self, answer: httpx.Response, size: int | None = None) -> AsyncIterator[bytes]:
        """Give the parts of a body; see `headrace.client.driver.Driver.parts`."""
        for part in answer.iter_bytes(size):
            yield part
            _seconds_left()

    async def close_answer(self, answer: httpx.Response) -> None:
        """Close an answer."""
        answer.close()

    def body(self, parts: AsyncGenerator[bytes]) -> Iterable[bytes]:
        """Return the parts as a generator."""
        return iterate(parts)

    async def pause(self, seconds: float) -> None:
        """Wait, until the operation has to be over or another thread closes the client."""
        left = _seconds_left()
        self._closed.wait(seconds if left is None else min(seconds, left))
        _seconds_left()

    @asynccontextmanager
    async def within(self, seconds: float | None) -> AsyncGenerator[None]:
        """Let each step of what is done in this context end in time."""
        ends = [each for each in (_deadline.get(), None if seconds is None else time.monotonic() + seconds) if each]
        token = _deadline.set(min(ends, default=None))
        try:
            yield
        finally:
            _deadline.reset(token)

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in this thread, which waits anyway."""
        return function(*args)

    async def together(
        self, operation: Callable[[Item], Coroutine[Any, Any, None]], items: Iterable[Item], at_a_time: int
    ) -> None:
        """Run an operation for each item in a thread. When one fails, those that run come to their end, and no other starts."""
        failed = threading.Event()

        def run(item: Item) -> None:
            if failed.is_set():
                return
            try:
                complete(operation(item))
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(at_a_time, "headrace-client") as threads:
            running = [threads.submit(run, item) for item in items]
            try:
                ended, _ = wait(running, return_when=FIRST_EXCEPTION)
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
        for each in ended:
            each.result()

    def plain(self, *, timeout: float, trust_env: bool) -> BlockingDriver:
        """Make a driver without a key; see `headrace.client.driver.Driver.plain`."""
        return BlockingDriver(httpx.Client(timeout=timeout, trust_env=trust_env))

    async def close(self) -> None:
        """Close every connection, and end every pause."""
        self._closed.set()
        self.http.close()


def _seconds_left() -> float | None:
    """Return how long the operation that this thread runs may still take; None for as long as it wants.

    Raises:
        TimeoutError: The time is over.
    """
    deadline = _deadline.get()
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
