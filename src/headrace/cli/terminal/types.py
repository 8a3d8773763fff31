"""`headrace types`: print the types of kinds of the API, or of a package."""

from __future__ import annotations

from collections.abc import Collection

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import show
from headrace.cli.terminal.type_declarations import write_types


async def show_types(api: Api, only: Collection[str]) -> None:
    """Print the types of every kind of the catalog, or of those in ``only``.

    Raises:
        CommandFailed: One of ``only`` is not known, there are no kinds, or the API refused or cannot be reached.
    """
    async with open_client(api) as client:
        known = {kind.name: kind for kind in await client.kinds()}
    if not known:
        raise CommandFailed("there are no kinds yet: start a worker, which announces its own", EXIT_REFUSED)
    if unknown := sorted(set(only) - known.keys()):
        raise CommandFailed(f"there is no kind {unknown[0]!r}; `headrace kinds` lists them", EXIT_REFUSED)
    show(write_types(known[name] for name in only or known).rstrip())


def show_types_of_package(package: str, only: Collection[str]) -> None:
    """Print the types of every kind of a package, or of those in ``only``.

    Raises:
        CommandFailed: The kinds cannot be loaded, or one of ``only`` does not exist.
    """
    from headrace.worker.describe import UnusablePackage, describe_kinds

    try:
        kinds = describe_kinds(package, only)
    except UnusablePackage as error:
        raise CommandFailed(str(error), EXIT_REFUSED) from error
    show(write_types(kinds).rstrip())
