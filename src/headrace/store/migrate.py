"""Bringing the database up to date with `headrace.store.tables`."""

from __future__ import annotations

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from headrace.settings import DatabaseSettings
from headrace.store.engine import sqlalchemy_url
from headrace.store.revision import is_newer, migrations
from headrace.tls_errors import explain_tls


class MigrationFailed(Exception):
    """The database cannot be brought up to date. The message is one line that says why and what to do."""


def migrate(settings: DatabaseSettings) -> str | None:
    """Apply every migration that the database does not have yet; safe to run from several processes at once.

    Returns the revision of a database that a newer version has migrated, and changes nothing then: that version's tables have what
    this one needs, and after a rollback this one is to go on. None otherwise.

    Raises:
        MigrationFailed: Postgres cannot be reached, or refuses, or has no such address, or other sessions keep tables locked, or
            the revision is none of Headrace.
    """
    try:
        command.upgrade(alembic_config(settings), "head")
    except CommandError as error:
        if not isinstance(cause := error.__cause__, ResolutionError):
            raise MigrationFailed(str(error)) from error
        if is_newer(revision := str(cause.argument)):
            return revision
        raise MigrationFailed(
            f"the database has a revision {revision!r}, which no Headrace has: check {settings.variable}"
        ) from error
    except (OSError, ValueError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MigrationFailed(_why(error, settings.variable, is_default=settings == DatabaseSettings())) from error
    return None


def is_locked_out(error: Exception) -> bool:
    """Return whether a statement has waited for a table for longer than `migrations/env.py` lets it wait."""
    return getattr(getattr(error, "orig", None), "sqlstate", "") == asyncpg.LockNotAvailableError.sqlstate


def _why(error: Exception, variable: str, *, is_default: bool) -> str:
    """Say in a line why the database cannot be used. The error may be another one inside, as SQLAlchemy wraps the driver's."""
    if (said := explain_tls(error, "Postgres", "HEADRACE_DATABASE")) is not None:
        return said
    first_line = str(error).partition("\n")[0]
    if is_locked_out(error):
        return (
            f"other sessions keep tables locked ({first_line}): let long transactions of pg_stat_activity end, and run "
            "`headrace migrate` again"
        )
    match error:
        case OSError() if is_default:
            return f"Postgres cannot be reached ({first_line}): set {variable}; the database of `headrace up` is migrated by `up`"
        case OSError():
            return f"Postgres cannot be reached ({first_line}): check {variable}, and that the server runs"
        case ValueError():
            return f"{variable} is no address of a database: {first_line}"
        case _:
            return f"Postgres refuses ({first_line}): check {variable} and its log"


def alembic_config(settings: DatabaseSettings) -> Config:
    """Configure Alembic for a database."""
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = sqlalchemy_url(settings.url)
    return config
