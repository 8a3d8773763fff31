"""How the operations of a client wait: in an event loop, or by blocking their thread.

Each operation, as submitting a task or following it, is written once, as a coroutine that awaits nothing but a `Driver`. The
`AsyncDriver` waits in the event loop. The methods of the `BlockingDriver` block and never suspend, so `complete` runs an operation to
its end by starting it once, and no event loop has to exist. Requests, retries, backoff, errors and the resuming of streams are so the
same for both, and know nothing of sockets.

Coroutines are generators of requests, written with `await`. Plain generators would need `yield from` at each step, and could not
close an answer in an `async with`. The asynchronous client in a thread of its own would need no second driver, but its loop does not
survive the fork of a server that forks its workers, each call would change threads twice, and a signal would not interrupt it. A
synchronous source generated from the asynchronous one would be everything twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

import httpx

from headrace.client.unreachable import Unreachable

Item = TypeVar("Item")
T = TypeVar("T")


class Driver(Protocol):
    """What an operation of a client may await."""

    @property
    def http(self) -> httpx.AsyncClient | httpx.Client:
        """What makes requests. Only the driver sends them."""
        ...

    async def send(self, request: httpx.Request, *, follow_redirects: bool = False) -> httpx.Response:
        """Send a request, and return its answer, whose body is not read yet; `close_answer` has to be called."""
        ...

    def parts(self, answer: httpx.Response, size: int | None = None) -> AsyncIterator[bytes]:
        """Give the parts of a body as they arrive, or each of ``size`` bytes."""
        ...

    async def close_answer(self, answer: httpx.Response) -> None:
        """Close an answer, however much of it was read."""
        ...

    def body(self, parts: AsyncGenerator[bytes]) -> AsyncIterable[bytes] | Iterable[bytes]:
        """Return the parts of the body of a request as `http` takes them."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait."""
        ...

    def within(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """Raise `TimeoutError` when what is done in this context is not over in time; None sets no limit."""
        ...

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that reads or writes a local file."""
        ...

    async def together(
        self, operation: Callable[[Item], Coroutine[Any, Any, None]], items: Iterable[Item], at_a_time: int
    ) -> None:
        """Run an operation for each item, several at a time; the first that fails ends the others."""
        ...

    def plain(self, *, timeout: float, trust_env: bool) -> Driver:
        """Make a driver of this kind for requests to any address, which have no key; `close` has to be called."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class AsyncDriver:
    """Waits in the event loop.

    Args:
        http: Sends the requests.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def send(self, request: httpx.Request, *, follow_redirects: bool = False) -> httpx.Response:
        """Send a request; see `Driver.send`."""
        return await self.http.send(request, stream=True, follow_redirects=follow_redirects)

    def parts(self, answer: httpx.Response, size: int | None = None) -> AsyncIterator[bytes]:
        """Give the parts of a body; see `Driver.parts`."""
        return answer.aiter_bytes(size)

    async def close_answer(self, answer: httpx.Response) -> None:
        """Close an answer."""
        await answer.aclose()

    def body(self, parts: AsyncGenerator[bytes]) -> AsyncIterable[bytes]:
        """Return the parts as they are."""
        return parts

    async def pause(self, seconds: float) -> None:
        """Wait in the event loop."""
        await asyncio.sleep(seconds)

    def within(self, seconds: float | None) -> asyncio.Timeout:
        """Cancel what is done in this context when it is not over in time."""
        return asyncio.timeout(seconds)

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in a thread, so that the event loop does not wait for a disk."""
        return await asyncio.to_thread(function, *args)

    async def together(
        self, operation: Callable[[Item], Coroutine[Any, Any, None]], items: Iterable[Item], at_a_time: int
    ) -> None:
        """Run an operation for each item in a task of the event loop."""
        free = asyncio.Semaphore(at_a_time)

        async def run(item: Item) -> None:
            async with free:
                await operation(item)

        running = [asyncio.create_task(run(item)) for item in items]
        try:
            await asyncio.gather(*running)
        finally:
            for each in running:
                each.cancel()

    def plain(self, *, timeout: float, trust_env: bool) -> AsyncDriver:
        """Make a driver without a key; see `Driver.plain`."""
        return AsyncDriver(httpx.AsyncClient(timeout=timeout, trust_env=trust_env))

    async def close(self) -> None:
        """Close every connection."""
        await self.http.aclose()


@asynccontextmanager
async def opened(
    driver: Driver, request: httpx.Request, *, follow_redirects: bool = False
) -> AsyncGenerator[httpx.Response]:
    """Send a request, and close its answer at the end of this context.

    Raises:
        Unreachable: No connection could be made.
        httpx.TransportError: The connection broke, or there is no answer.
    """
    try:
        answer = await driver.send(request, follow_redirects=follow_redirects)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreachable(request, error) from error
    try:
        yield answer
    finally:
        await driver.close_answer(answer)
