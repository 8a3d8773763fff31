"""The parts of a screen. Those of different sources are read at the same time, and each source has its own deadline.

A source that fails leaves the parts of the others. An error that is the client's own, such as a cursor that was not handed out, is
the answer to the whole request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from headrace.api.going_on import GoingOn
from headrace.contracts.positions import Position
from headrace.error_reports import report_error
from headrace.errors import HeadraceError, ReadModelBehind
from headrace.screen_errors import PartTimeout
from headrace.store.snapshot import Reads
from headrace.telemetry import get_logger

READ_MODEL_SECONDS = 0.5  # for all parts of a screen from the read model together
BROKER_SECONDS = 0.3  # gauges are asked of NATS, which answers within milliseconds
IDENTITY_SECONDS = 0.3
WHOLE_SECONDS = 0.8  # of all parts; whoever looks at a screen notices a second

T = TypeVar("T")

log = get_logger(__name__)


@dataclass
class Found:
    """What was read.

    Attributes:
        values: The parts that were read, by name.
        errors: Why the others were not, by name.
        position: What the parts from the read model reflect; None when there are none.
        behind: Why that is earlier than the request asks for, if it is.
    """

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    errors: dict[str, HeadraceError] = field(default_factory=dict[str, HeadraceError])
    position: Position | None = None
    behind: ReadModelBehind | None = None


class Source(Protocol):
    """Where parts come from.

    Attributes:
        names: The parts that it has.
        seconds: Its deadline.
        has_position: Whether its parts are from the read model.
    """

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def seconds(self) -> float: ...
    @property
    def has_position(self) -> bool: ...

    async def read(self, found: Found, /) -> None:
        """Add the parts to what was found, one after the other.

        Raises:
            HeadraceError: The others cannot be read.
        """
        ...


@dataclass(frozen=True, eq=False)
class Part(Generic[T]):
    """A part that is a source of its own.

    Attributes:
        name: What the part is called, as one of the fields of the screen.
        ask: Reads it.
        seconds: Its deadline.
        has_position: Never; a part from the read model is a `Reading`.
    """

    name: str
    ask: Callable[[], Awaitable[T]]
    seconds: float = BROKER_SECONDS
    has_position: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the part."""
        return (self.name,)

    async def read(self, found: Found, /) -> None:
        """Read the part."""
        found.values[self.name] = await self.ask()


@dataclass(frozen=True, eq=False)
class Reading(Generic[T]):
    """A part that is read from a database, together with others.

    Attributes:
        name: What the part is called, as one of the fields of the screen.
        ask: Reads it in a session.
    """

    name: str
    ask: Callable[[Reads], Awaitable[T]]


async def read_all(session: Reads, readings: Sequence[Reading[Any]], found: Found) -> None:
    """Read parts one after the other. What was read before one that fails is kept."""
    for each in readings:
        found.values[each.name] = await each.ask(session)


async def read_sources(sources: Sequence[Source]) -> Found:
    """Read the parts of all sources.

    Raises:
        HeadraceError: The request cannot be answered; the status is below 500.
    """
    found = Found()
    failures = await asyncio.gather(*(_read_within(each, found) for each in sources))
    for source, error in zip(sources, failures, strict=True):
        if error is not None:
            if error.status < 500:
                raise error
            found.errors |= {name: error for name in source.names if name not in found.values}
    return found


async def _read_within(source: Source, found: Found) -> HeadraceError | None:
    """Read a source within its deadline; returns why it failed."""
    seconds = min(source.seconds, WHOLE_SECONDS)
    try:
        await within(seconds, source.read(found))
    except HeadraceError as error:
        return error
    except Exception as error:
        log.error("parts of a screen cannot be read", parts=source.names, exc_info=error)
        report_error(error)
        return HeadraceError("something went wrong here; it has been logged, please report it with the correlation id")
    return None


_ending = GoingOn()


async def within(seconds: float, reading: Coroutine[Any, Any, T]) -> T:
    """Wait for something to be read, and not for how it ends when it is late: a Postgres that hangs is left after two seconds more.

    Raises:
        PartTimeout: It was not read in so many seconds.
    """
    task = asyncio.create_task(reading, name="read a part")
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    finally:
        if not task.done():
            task.cancel()
            # Its deadline is over, and whoever has asked is told so.
            _ending.keep(task)
    raise PartTimeout(f"there was no answer within {seconds:g} s; try again shortly")
