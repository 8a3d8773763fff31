"""`headrace files sweep`: what the API does every night, now and with every finding shown."""

from __future__ import annotations

from headrace.api.files.nightly import has_caught_up
from headrace.api.files.sweep import Finding, Sweeper
from headrace.api.identity_database import IdentityDatabase
from headrace.cli.terminal.accounts.database import find_database
from headrace.cli.terminal.discovery import find_objects
from headrace.cli.terminal.exits import EXIT_REFUSED, EXIT_UNREACHABLE, CommandFailed
from headrace.cli.terminal.log_reader import open_log_reader
from headrace.cli.terminal.output import note, show
from headrace.cli.terminal.sizes import size as format_bytes
from headrace.errors import HeadraceError
from headrace.objects import Objects, open_objects
from headrace.settings import Settings
from headrace.store.engine import sqlalchemy_config


async def sweep_files(settings: Settings, home: str | None, *, removes: bool, removes_most: bool) -> None:
    """Find what belongs to nothing any more, print it, and remove it if that was asked for.

    Args:
        settings: The settings.
        home: The home of an `up`.
        removes: Whether to remove it.
        removes_most: Whether to remove it also when it is most of what there is.

    Raises:
        CommandFailed: There is no store, or the store, Postgres or NATS does not answer.
    """
    objects = _find_objects(settings, home)
    database = sqlalchemy_config(find_database(settings, home).database)
    identity = IdentityDatabase(database.create_session_maker())
    try:
        async with open_log_reader(settings, "sweep", home) as event_log:
            sweeper = Sweeper(
                identity,
                objects,
                lambda: has_caught_up(event_log, identity),
                removes=removes,
                removes_most=removes_most,
            )
            found = await sweeper.run()
    except HeadraceError as error:
        raise CommandFailed(error.message, EXIT_UNREACHABLE) from error
    finally:
        await database.get_engine().dispose()
    _show(found, removes=removes)
    for problem in sweeper.problems:
        note(problem)


def _find_objects(settings: Settings, home: str | None) -> Objects:
    try:
        objects = open_objects(find_objects(settings, home))
    except HeadraceError as error:
        raise CommandFailed(error.message, EXIT_UNREACHABLE) from error
    if objects is None:
        raise CommandFailed("files are not set up: give this command the HEADRACE_OBJECTS_URL of the API", EXIT_REFUSED)
    return objects


def _show(found: list[Finding], *, removes: bool) -> None:
    for each in found:
        show(f"{each.what}  {format_bytes(each.size):>9}  {each.name}")
    total = format_bytes(sum(each.size for each in found))
    note(f"{'removed' if removes else 'would remove'} {len(found):,}, {total}" if found else "nothing to remove")
