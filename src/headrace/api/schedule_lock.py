"""One change at a time to the schedules of an owner, over all API processes, so that what they may do together holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.read_model import CHECKPOINT_POLL_SECONDS, ReadModel
from headrace.contracts.positions import Position
from headrace.contracts.schedules import ScheduleEventName
from headrace.errors import ReadModelBehind
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.store.checkpoints import read_checkpoint
from headrace.store.schedules import lock_schedules

HOLDERS_MAX = 2  # at a time in a process: each holds a connection to Postgres, which lists and details need as well
PATIENCE_SECONDS = 5.0  # for those before, and then for the projector, which is usually a tenth of a second behind


class ScheduleLock:
    """Lets one request at a time save a schedule of an owner, when the read model has all those that were saved before.

    Args:
        log: Has the schedules.
        read_model: Its database has the lock that all API processes share.
    """

    def __init__(self, log: Log, read_model: ReadModel) -> None:
        self._log = log
        self._read_model = read_model
        # Those of this process wait without a connection.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._holders = asyncio.Semaphore(HOLDERS_MAX)

    @asynccontextmanager
    async def hold(self, owner: str) -> AsyncGenerator[AsyncSession]:
        """Hold the lock of an owner for the block, and read in its session what the owner has.

        Raises:
            LogUnavailable: The log does not answer.
            ReadModelBehind: Others held the lock for too long, or the projector did not read what was saved last in time.
            ReadModelUnavailable: Postgres cannot be reached.
        """
        async with AsyncExitStack() as held:
            lock = self._locks.setdefault(owner, asyncio.Lock())
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await held.enter_async_context(lock)
                    await held.enter_async_context(self._holders)
            except TimeoutError as error:
                raise ReadModelBehind("too many schedules are being saved at the moment; try again") from error
            session = await held.enter_async_context(self._read_model.session())
            await lock_schedules(session, owner)
            await self._reach_newest(session, owner)
            yield session

    async def _reach_newest(self, session: AsyncSession, owner: str) -> None:
        """Wait until the read model has every schedule of an owner that the log has."""
        # A deleted schedule leaves a message under this subject as well.
        saved = subjects.schedule_event(ScheduleEventName.SAVED, owner, "*")
        if not (newest := await self._log.replayer.leading.last(saved)):
            return
        position = Position(self._log.epoch, newest)
        until = monotonic() + PATIENCE_SECONDS
        while (await read_checkpoint(session) or Position(0, 0)) < position:
            if monotonic() > until:
                raise ReadModelBehind(
                    f"the read model has not reached {position} within {PATIENCE_SECONDS:g} s; try again"
                )
            await asyncio.sleep(CHECKPOINT_POLL_SECONDS)
