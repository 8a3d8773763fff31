"""Open the database of an installation for a command that works on its accounts."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
from msgspec.structs import replace
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.cli.terminal.exits import EXIT_REFUSED, EXIT_UNREACHABLE, CommandFailed
from headrace.embedded.home import Home
from headrace.errors import HeadraceError
from headrace.identity.secrets import Secrets
from headrace.settings import DatabaseSettings, Settings
from headrace.settings.database_parts import database_variable
from headrace.store.engine import open_session
from headrace.store.outages import cause_of, is_not_migrated
from headrace.tls_errors import explain_tls


def find_database(settings: Settings, given: str | None = None) -> Settings:
    """Return the settings with a database: of the `up` with the home ``given``, else of HEADRACE_DATABASE_URL, else of the running `up`.

    The secrets of the API come with it, unless HEADRACE_API_SECRETS is set.

    Raises:
        CommandFailed: No `up` runs in the home ``given``.
        HomeError: A file of the home cannot be read.
    """
    home = Home.at(given or settings.home)
    running = home.running()
    if running is None and given is not None:
        raise CommandFailed(
            f"no `headrace up` runs in {home.path}: start it, or name the home of another", EXIT_REFUSED
        )
    is_named = given is None and database_variable(os.environ) is not None
    if running is None or (is_named and settings.database.url != running.database_url):
        return settings
    api = replace(settings.api, secrets=settings.api.secrets or home.api_secret())
    return replace(settings, database=replace(settings.database, url=running.database_url), api=api)


def read_secrets(settings: Settings) -> Secrets:
    """Return the secrets of the API, with which it hashes keys and tokens.

    Raises:
        CommandFailed: They are not set.
    """
    if settings.api.secrets is None:
        raise CommandFailed(
            "HEADRACE_API_SECRETS is not set: give this command the same as the API has, or start `headrace up`",
            EXIT_REFUSED,
        )
    return Secrets(settings.api.secrets.split(","))


@asynccontextmanager
async def open_database(settings: DatabaseSettings) -> AsyncGenerator[AsyncSession]:
    """Open a transaction, which is committed when the block ends without an error.

    Raises:
        CommandFailed: Postgres cannot be reached or refuses, or the block raised an error of ours.
    """
    with _errors_explained():
        async with open_session(settings) as session, session.begin():
            yield session


@contextmanager
def _errors_explained() -> Generator[None]:
    try:
        yield
    except HeadraceError as error:
        raise CommandFailed(error.message, EXIT_REFUSED) from error
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise CommandFailed(_describe(error), EXIT_UNREACHABLE) from error


def _describe(error: BaseException) -> str:
    if is_not_migrated(error):
        return "the database is not up to date: run `headrace migrate`"
    cause = cause_of(error)
    if (said := explain_tls(cause, "Postgres", "HEADRACE_DATABASE")) is not None:
        return said
    first_line = str(cause).partition("\n")[0] or type(cause).__name__
    if isinstance(cause, OSError):
        return f"Postgres cannot be reached ({first_line}): start `headrace up`, or set HEADRACE_DATABASE_URL"
    return f"Postgres refuses ({first_line}): check HEADRACE_DATABASE_URL"
