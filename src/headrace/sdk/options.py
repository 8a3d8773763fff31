"""How the tasks of a kind are run, with the limits of each option. Part of the SDK; these are the arguments of `@task`."""

from __future__ import annotations

import sys
from typing import cast

from msgspec import Struct

from headrace.contracts.tasks import ATTEMPTS_MAX
from headrace.sdk.retries import Backoff

TIMEOUT_MAX_SECONDS = 24 * 3600.0  # a slot held longer than a day is a process, not a task
CONCURRENCY_MAX = 10_000
RATE_MAX = 10_000  # starts a second; a worker is given some thousand at most, one after the other
RATE_MIN = 1 / 3600  # starts a second; what is to happen less often has a schedule
MEMORY_BYTES_MIN = 64 << 20  # address space, not what is touched: one more thread takes as much


class KindOptions(Struct, frozen=True, kw_only=True):
    """How the tasks of a kind are run.

    Attributes:
        name: The kind's name on the wire, the function's own by default. Renaming a kind orphans its queued tasks.
        timeout: Seconds one attempt may take.
        max_attempts: How often a failing task is tried in all; a submission may say otherwise.
        backoff: How long to wait between attempts.
        retry_on: The exceptions of the handler after which a task is tried again; a timeout counts as `TimeoutError`.
        give_up_on: The exceptions after which a task is not tried again, although ``retry_on`` has them.
        process: Whether a plain function runs in a process of its own instead of a thread.
        memory: Bytes of address space that the handler may take in its process, beyond what its imports hold (Linux).
        concurrency: How many run at a time, over all workers. Such a kind is run in order: its priorities do not matter. A
            plain function that goes on after its timeout is no longer counted; with ``process=True`` it is ended.
        rate: How many are started a second, over all workers: a whole number, or less than 1 for one in ``1/rate`` seconds.
            Counted by the clock, second by second, so all of a second's may start at its beginning.
    """

    name: str | None = None
    timeout: float = 60.0
    max_attempts: int = 1
    backoff: Backoff = Backoff()
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    give_up_on: tuple[type[BaseException], ...] = ()
    process: bool = False
    memory: int | None = None
    concurrency: int | None = None
    rate: float | None = None

    def find_error(self, *, is_async: bool) -> str | None:
        """Return what is wrong with the options, as a sentence that names the option; None when they are fine.

        Args:
            is_async: Whether the handler is an ``async`` function.
        """
        return self._find_error_in_attempts() or self._find_error_in_process(is_async) or self._find_error_in_limits()

    def _find_error_in_attempts(self) -> str | None:
        if not 0 < self.timeout <= TIMEOUT_MAX_SECONDS:
            return f"timeout={self.timeout!r} must be more than 0 and at most {TIMEOUT_MAX_SECONDS:.0f} seconds"
        if not _is_integer(self.max_attempts, 1, ATTEMPTS_MAX):
            return f"max_attempts={self.max_attempts!r} must be an integer from 1 to {ATTEMPTS_MAX}"
        if error := self.backoff.find_error():
            return error
        for option, classes in (("retry_on", self.retry_on), ("give_up_on", self.give_up_on)):
            if not _are_exceptions(classes):
                return f"{option}={classes!r} must be a tuple of exception classes"
        return None

    def _find_error_in_process(self, is_async: bool) -> str | None:
        if self.process and is_async:
            return "process=True is for a plain function; write def instead of async def, or leave it out"
        if self.memory is not None and not self.process:
            return "memory= limits a process; add process=True, or leave it out"
        if self.memory is not None and not _is_integer(self.memory, MEMORY_BYTES_MIN, sys.maxsize):
            return f"memory={self.memory!r} must be an integer, at least {MEMORY_BYTES_MIN:,} bytes"
        return None

    def _find_error_in_limits(self) -> str | None:
        if self.concurrency is not None and not _is_integer(self.concurrency, 1, CONCURRENCY_MAX):
            return f"concurrency={self.concurrency!r} must be an integer from 1 to {CONCURRENCY_MAX:,}"
        if self.rate is not None and not (RATE_MIN <= self.rate < 1 or _is_whole(self.rate, 1, RATE_MAX)):
            return (
                f"rate={self.rate!r} must be a whole number of starts a second from 1 to {RATE_MAX:,}, or less than 1 for"
                " one start in 1/rate seconds, at least 1/3600"
            )
        return None


def _is_integer(value: object, least: int, most: int) -> bool:
    """Whether a value is an int within bounds. Kinds are also written without a type checker, and 2.5 attempts are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: float, least: int, most: int) -> bool:
    return least <= value <= most and value == int(value)


def _are_exceptions(classes: object) -> bool:
    return isinstance(classes, tuple) and all(
        isinstance(each, type) and issubclass(each, BaseException) for each in cast("tuple[object, ...]", classes)
    )
