"""Which errors of a session mean that Postgres is away for now. All others are faults of the query or of the data.

Which error a session raises when Postgres cannot be reached depends on how far the session had come, and SQLAlchemy wraps
most errors of the driver, so this looks for the driver's own error inside.
"""

from __future__ import annotations

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException
from sqlalchemy.exc import TimeoutError as PoolTimeout

from headrace.tls_errors import explain_tls

# Classes of SQLSTATE (PostgreSQL documentation, appendix A): connection exception, invalid authorization, no such database,
# rolled back (the same statement may succeed next time), insufficient resources, not in the state that is needed (a database that
# takes no connections), operator intervention (a shutdown, a start, a cancelled statement), system error (of a disk).
_OUTAGE_CLASSES = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58"})
OUTAGE_CHARS_MAX = 300  # of what the driver says, which may quote a whole statement

# What a session of the driver raises when Postgres cannot be reached, refuses, or goes away in the middle of an answer.
DRIVER_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    TimeoutError,
)

_NOT_MIGRATED = frozenset({"42P01", "42703"})  # undefined table, undefined column


def is_outage(error: BaseException) -> bool:
    """Whether an error that a session raised means that Postgres cannot be used now, and may be later.

    It does also when the tables are not those of this version: somebody is about to migrate, or has to.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    match cause_of(error):
        case OSError() | TimeoutError() | PoolTimeout() | asyncpg.InvalidCachedStatementError():
            return True
        case asyncpg.PostgresError(sqlstate=str(state)):
            return state[:2] in _OUTAGE_CLASSES or state in _NOT_MIGRATED
        case ValueError():
            # The driver could not encode a value of the query.
            return False
        case asyncpg.InterfaceError() | asyncpg.InternalClientError():
            # The connection was closed, or broke in the middle of an answer.
            return True
        case _:
            return False


def is_not_migrated(error: BaseException) -> bool:
    """Whether an error says that a table or a column is missing."""
    return getattr(cause_of(error), "sqlstate", None) in _NOT_MIGRATED


def describe_outage(error: BaseException) -> str:
    """Say in a line why Postgres cannot be used."""
    if is_not_migrated(error):
        return "the tables are not those of this version: run `headrace migrate`"
    cause = cause_of(error)
    if isinstance(cause, TimeoutError) and not str(cause):
        return "no answer in time"
    if (said := explain_tls(cause, "Postgres", "HEADRACE_DATABASE")) is not None:
        return said
    said = str(cause).partition("\n")[0][:OUTAGE_CHARS_MAX]
    return f"{type(cause).__name__}: {said}" if said else type(cause).__name__


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's error inside those of SQLAlchemy; the error itself when there is none."""
    while True:
        match error:
            case DBAPIError(orig=BaseException() as inside):
                error = inside
            case EmulatedDBAPIException(orig=BaseException() as inside):
                error = inside
            case _:
                return error
