"""Ask for something until it is over."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx

from headrace.client.answers import ProblemError
from headrace.client.connection import Connection, describe, log
from headrace.client.retries import Retries

POLL_SECONDS = 25.0  # the API would wait up to 60; some proxies give up on a silent request after 30
POLL_PAUSE_SECONDS = 0.2  # an API that shuts down answers at once

T = TypeVar("T")


async def read_until(
    connection: Connection,
    read: Callable[[], Coroutine[Any, Any, T]],
    is_over: Callable[[T], bool],
    timeout: float | None,
    end: str,
) -> T:
    """Read something until it is over, also when the API is not available for a while.

    Args:
        connection: The API.
        read: Reads it, and waits up to `POLL_SECONDS` for its end.
        is_over: Tells whether this is the end.
        timeout: Seconds to wait; None for ever.
        end: What is waited for, as a clause.

    Raises:
        TimeoutError: It is not over after ``timeout``.
        ProblemError: There is no such thing, or the API fails `ATTEMPTS_MAX` times in a row.
        httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
    """
    try:
        async with connection.driver.within(timeout):
            return await _read_until(connection, read, is_over)
    except TimeoutError as error:
        raise TimeoutError(f"gave up after {timeout:g} s of waiting until {end}; it goes on") from error


async def _read_until(
    connection: Connection, read: Callable[[], Coroutine[Any, Any, T]], is_over: Callable[[T], bool]
) -> T:
    retries = Retries(connection.driver)
    while True:
        try:
            found = await read()
        except (httpx.TransportError, ProblemError) as error:
            retries.count(error)
            log.warning("%s: %s; trying again", connection.url, describe(error))
            await retries.pause()
            continue
        if is_over(found):
            return found
        retries.reset()
        await connection.driver.pause(POLL_PAUSE_SECONDS)
