"""Accounts, sessions, keys and the audit as the API uses them: transactions on Postgres, whose outages are one error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import cast

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from headrace.api.outages import Outages
from headrace.identity_errors import IdentityUnavailable

REQUEST_SECONDS = 2.0  # of a transaction; a request waits no longer for a Postgres that hangs
WORK_SECONDS = 30.0  # of one that no request waits for, such as one that removes a thousand rows
_CLOSE_SECONDS = 0.1  # of the above, in which a connection that was waited for in vain may say goodbye


class IdentityDatabase:
    """The tables of `headrace.store.identity_tables`, opened for reading and writing.

    Args:
        open_session: Opens a database session.
    """

    def __init__(self, open_session: Callable[[], AsyncSession]) -> None:
        self._open_session = open_session
        self._outages = Outages(
            "accounts and credentials",
            lambda: IdentityUnavailable("accounts and credentials are not available at the moment; try again shortly"),
        )

    @asynccontextmanager
    async def transaction(self, seconds: float = REQUEST_SECONDS) -> AsyncGenerator[AsyncSession]:
        """Open a session for the block, whose statements are one transaction: committed at its end, or undone by an error.

        The block uses nothing but the database, because an outage of anything else would be taken for one of Postgres.

        Args:
            seconds: How long the block may take, with the commit.

        Raises:
            IdentityUnavailable: Postgres cannot be reached, or does not answer in time. When that happens during the commit, the
                change may have been made all the same.
        """
        with self._outages.as_unavailable():
            async with _within(seconds), self._open_session() as session, session.begin():
                yield session

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection]:
        """Take a connection for the block, which reads with the driver's own statements, each outside of a transaction.

        That costs a third of a transaction, which counts where a credential is verified for the first time.

        Raises:
            IdentityUnavailable: Postgres cannot be reached, or does not answer in time.
        """
        with self._outages.as_unavailable():
            async with _within(REQUEST_SECONDS), self._engine.connect() as connection:
                yield connection

    @cached_property
    def _engine(self) -> AsyncEngine:
        # A session that runs nothing holds nothing.
        return cast("AsyncEngine", self._open_session().bind)


@asynccontextmanager
async def _within(seconds: float) -> AsyncGenerator[None]:
    """Interrupt the block when it takes longer, and once more a moment later.

    At the first interrupt SQLAlchemy closes the connection, for which a Postgres that hangs is waited for up to two seconds. At
    the second one it drops it.

    Raises:
        TimeoutError: The block took longer.
    """
    async with asyncio.timeout(seconds), asyncio.timeout(seconds - _CLOSE_SECONDS):
        yield
