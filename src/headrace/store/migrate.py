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
    except OSError as error:
        raise MigrationFailed(
            f"Postgres cannot be reached ({error}): check HEADRACE_DATABASE_URL, and that the server runs"
        ) from error
    except ValueError as error:
        raise MigrationFailed(f"HEADRACE_DATABASE_URL is no address of a database: {error}") from error
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        first_line = str(error).partition("\n")[0]
        raise MigrationFailed(f"Postgres refuses ({first_line}): check HEADRACE_DATABASE_URL and its log") from error


def alembic_config(settings: DatabaseSettings) -> Config:
    """Configure Alembic for a database."""
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = sqlalchemy_url(settings.url)
    return config
