"""What the routes work with, opened once a process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from advanced_alchemy.exceptions import RepositoryError
from litestar import Request
from sqlalchemy.exc import EmulatedDBAPIException, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.pauses import Pauses
from headrace.api.streaming.hub import Hub
from headrace.api.streaming.metrics import Metrics
from headrace.api.streaming.open_streams import Streams
from headrace.catalog import Catalog
from headrace.contracts.positions import Position
from headrace.errors import LogFull, ReadModelBehind, ReadModelUnavailable
from headrace.identity.follow_tokens import FollowTokens
from headrace.lifecycle.long_timers import LongTimers
from headrace.log.connection import Log
from headrace.settings import Settings
from headrace.store.checkpoints import is_repairing, read_checkpoint
from headrace.telemetry import get_logger

POLL_SECONDS = 0.02  # how often the checkpoint is looked at, while somebody waits for it
MEASURE_SECONDS = 1.0  # how often the log's size is looked at

log = get_logger(__name__)

# what a database that is away raises, by how far a session had come
_Unreachable = (SQLAlchemyError, EmulatedDBAPIException, RepositoryError, OSError, TimeoutError)


class Resources:
    """The log and what is known of it, the hub, the open streams and the read model of one API process."""

    def __init__(self, log: Log, settings: Settings, sessions: Callable[[], AsyncSession]) -> None:
        self.log = log
        self.catalog = Catalog(log)
        self.long_timers = LongTimers(log)
        self.metrics = Metrics()
        self.hub = Hub(log, self.metrics)
        self.streams = Streams(self.metrics)
        self.pauses = Pauses(log)
        self.follow_tokens = FollowTokens(_listed(settings.api.follow_secrets))
        self.public_url = (settings.api.public_url or "").rstrip("/")
        self._sessions = sessions
        self._bytes_max = settings.stream.max_bytes
        self._appended_bytes = 0
        self._waiting: list[tuple[Position, asyncio.Future[None]]] = []
        self._polling: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A session on the read model.

        Raises:
            ReadModelUnavailable: Postgres cannot be reached.
        """
        try:
            async with self._sessions() as session:
                yield session
        except _Unreachable as error:
            log.warning("the read model cannot be read", error=repr(error.__cause__ or error)[:300])
            raise ReadModelUnavailable(
                "lists and details are not available at the moment; try again shortly"
            ) from error

    async def reach(self, position: Position, patience: float) -> None:
        """Wait until the read model reflects a position.

        Raises:
            ReadModelBehind: it did not within ``patience`` seconds.
            ReadModelUnavailable: Postgres cannot be reached.
        """
        async with self.reading() as session:
            if (await read_checkpoint(session) or (0, 0)) >= position:
                return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((position, reached))
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll(), name="poll the checkpoint")
        try:
            async with asyncio.timeout(patience):
                await reached
        except TimeoutError as error:
            raise ReadModelBehind(
                f"the read model has not reached {position} within {patience:g} s; try again"
            ) from error
        finally:
            self._waiting.remove((position, reached))

    def make_room(self, size: int) -> None:
        """Count what is about to be appended against the log's ``max_bytes``.

        Raises:
            LogFull: there is no room for it.
        """
        if self.log.state.bytes + self._appended_bytes + size > self._bytes_max:
            raise LogFull(
                f"the log holds its {self._bytes_max:,} bytes; try again later, or have HEADRACE_STREAM_MAX_BYTES raised"
            )
        self._appended_bytes += size

    async def measure(self) -> None:
        """Look at the log's size, for ever."""
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            if self.log.is_connected:
                appended = self._appended_bytes
                try:
                    await self.log.refresh()
                except Exception as error:  # noqa: BLE001 - whatever it is, the next second asks again
                    log.warning("the log does not say where it stands", error=str(error))
                else:
                    self._appended_bytes -= appended

    async def _poll(self) -> None:
        """One look at a time, however many wait."""
        try:
            while self._waiting:
                async with self.reading() as session:
                    now = await read_checkpoint(session) or Position(0, 0)
                for position, reached in self._waiting:
                    if now >= position and not reached.done():
                        reached.set_result(None)
                await asyncio.sleep(POLL_SECONDS)
        except ReadModelUnavailable as error:
            for _, reached in self._waiting:
                if not reached.done():
                    reached.set_exception(ReadModelUnavailable(error.message))
        finally:
            self._polling = None


def _listed(given: str | None) -> list[str]:
    return given.split(",") if given else []


async def checkpoint_of(sessions: Callable[[], AsyncSession]) -> Position | None:
    """How far the read model is: before everything when it is empty, beyond everything while the log is repaired.

    None when it cannot be reached.
    """
    try:
        async with sessions() as session:
            checkpoint = await read_checkpoint(session) or Position(0, 0)
            return checkpoint._replace(sequence=sys.maxsize) if await is_repairing(session) else checkpoint
    except _Unreachable as error:
        log.warning("the read model cannot be read", error=repr(error.__cause__ or error)[:300])
        return None


def resources(request: Request[Any, Any, Any]) -> Resources:
    """The resources of the application that serves a request."""
    return cast("Resources", request.app.state["resources"])
