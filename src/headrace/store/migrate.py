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
from headrace.store.revision import migrations
from headrace.tls_errors import explain_tls


class MigrationFailed(Exception):
    """The database cannot be brought up to date. The message is one line that says why and what to do."""


def migrate(settings: DatabaseSettings) -> None:
    """Apply every migration that the database does not have yet; safe to run from several processes at once.

    Raises:
        MigrationFailed: Postgres cannot be reached, or refuses, or has no such address, or the database belongs to a newer version.
    """
    try:
        command.upgrade(alembic_config(settings), "head")
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise MigrationFailed(str(error)) from error
        raise MigrationFailed(
            f"the database was brought up to date by a newer version of Headrace ({error}): run that version, or a newer one"
        ) from error
    except (OSError, ValueError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise MigrationFailed(_why(error, settings.variable)) from error


def _why(error: Exception, variable: str) -> str:
    """Say in a line why the database cannot be used. The error may be another one inside, as SQLAlchemy wraps the driver's."""
    if (said := explain_tls(error, "Postgres", "HEADRACE_DATABASE")) is not None:
        return said
    first_line = str(error).partition("\n")[0]
    match error:
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
