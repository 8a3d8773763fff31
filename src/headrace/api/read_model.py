"""The read model as the routes use it: sessions on Postgres, and waiting until it reflects a position of the log."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import cast

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from headrace.api.outages import Outages
from headrace.contracts.positions import Position
from headrace.errors import ReadModelBehind, ReadModelUnavailable
from headrace.store.checkpoints import find_gap, is_repairing, read_checkpoint
from headrace.store.outages import describe_outage, is_outage
from headrace.store.snapshot import Snapshot, open_snapshot

CHECK_SECONDS = 1.0  # for health checks; with the log's own check it is within the four seconds that a probe waits
CHECKPOINT_POLL_SECONDS = 0.02  # while at least one request waits for the projector


class ReadModel:
    """The read model, opened for reading.

    Args:
        open_session: Opens a database session.
    """

    def __init__(self, open_session: Callable[[], AsyncSession]) -> None:
        self._open_session = open_session
        self._waiting: list[tuple[Position, asyncio.Future[None]]] = []
        self._polling: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[str | None] | None = None
        self._outages = Outages(
            "the read model",
            lambda: ReadModelUnavailable("lists and details are not available at the moment; try again shortly"),
        )

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncSession]:
        """Open a session for the block. An error of a query or of its data passes through: it would come again.

        Raises:
            ReadModelUnavailable: Postgres cannot be reached.
        """
        with self._outages.as_unavailable():
            async with self._open_session() as session:
                yield session

    @asynccontextmanager
    async def snapshot(self, *, keeps_plans: bool = False) -> AsyncGenerator[Snapshot]:
        """Open a snapshot for the block, which sees the read model as it was at the first query, whatever the projector writes.

        Args:
            keeps_plans: Whether no statement needs a plan for its values, see `headrace.store.snapshot.Snapshot`.

        Raises:
            ReadModelUnavailable: Postgres cannot be reached.
        """
        with self._outages.as_unavailable():
            async with open_snapshot(self._engine, keeps_plans=keeps_plans) as snapshot:
                yield snapshot

    @cached_property
    def _engine(self) -> AsyncEngine:
        # A session that runs nothing holds nothing.
        return cast("AsyncEngine", self._open_session().bind)

    async def has_reached(self, position: Position) -> bool:
        """Whether the read model reflects a position.

        Raises:
            ReadModelUnavailable: Postgres cannot be reached.
        """
        async with self.session() as session:
            return (await read_checkpoint(session) or (0, 0)) >= position

    async def reach(self, position: Position, patience: float) -> None:
        """Wait until the read model reflects a position.

        Raises:
            ReadModelBehind: The projector did not reach the position within ``patience`` seconds.
            ReadModelUnavailable: Postgres cannot be reached.
        """
        if await self.has_reached(position):
            return
        waiter = (position, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll(), name="poll the checkpoint")
        try:
            async with asyncio.timeout(patience):
                await waiter[1]
        except TimeoutError as error:
            raise ReadModelBehind(
                f"the read model has not reached {position} within {patience:g} s; try again"
            ) from error
        finally:
            self._waiting.remove(waiter)

    async def checkpoint_for_verification(self) -> Position:
        """Read how far the read model is, for the verification of the log at start.

        Returns:
            The start of all logs when the read model is empty; a position after every other while the projector repairs
            the log.

        Raises:
            ReadModelUnavailable: Postgres cannot be reached, or was not migrated. The message is for operators.
        """
        async with self._session_for_operators() as session:
            checkpoint = await read_checkpoint(session) or Position(0, 0)
            return checkpoint._replace(sequence=sys.maxsize) if await is_repairing(session) else checkpoint

    async def problem(self) -> str | None:
        """Say why the read model cannot be read, as health checks do; None when it can be.

        A probe waits a few seconds at most, so a Postgres that does not answer is waited for less, by one check for all probes.
        """
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(), name="check the read model")
        await asyncio.wait({self._checking}, timeout=CHECK_SECONDS)
        if not self._checking.done():
            return f"Postgres cannot be used: no answer within {CHECK_SECONDS:g} s"
        return self._checking.result()

    async def close(self) -> None:
        """End what goes on by itself, so that none of it holds a connection when the engine is disposed of."""
        running = {task for task in (self._polling, self._checking) if task is not None and not task.done()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _check(self) -> str | None:
        try:
            async with self._session_for_operators() as session:
                return None if await read_checkpoint(session) is not None else "the projector has not run yet"
        except ReadModelUnavailable as error:
            return error.message

    @asynccontextmanager
    async def _session_for_operators(self) -> AsyncGenerator[AsyncSession]:
        """Open a session on a database that this version can use.

        Raises:
            ReadModelUnavailable: There is none. The message says why.
        """
        try:
            async with self._open_session() as session:
                if (gap := await find_gap(session)) is not None:
                    raise ReadModelUnavailable(gap)
                yield session
        except Exception as error:
            if not is_outage(error):
                raise
            raise ReadModelUnavailable(f"Postgres cannot be used: {describe_outage(error)}") from error

    async def _poll(self) -> None:
        """Poll the checkpoint for all waiting requests together, until none is left."""
        try:
            while self._waiting:
                async with self.session() as session:
                    checkpoint = await read_checkpoint(session) or Position(0, 0)
                self._release(checkpoint)
                await asyncio.sleep(CHECKPOINT_POLL_SECONDS)
        except Exception as error:  # noqa: BLE001 - the requests raise it
            self._fail(error)
        finally:
            self._polling = None

    def _release(self, checkpoint: Position) -> None:
        """Resume the requests whose position the read model reflects now."""
        for position, reached in self._waiting:
            if checkpoint >= position and not reached.done():
                reached.set_result(None)

    def _fail(self, error: Exception) -> None:
        """Fail every waiting request. An outage is an exception of its own for each: it is raised in each of them."""
        for _, reached in self._waiting:
            if not reached.done():
                outage = isinstance(error, ReadModelUnavailable)
                reached.set_exception(ReadModelUnavailable(error.message) if outage else error)
