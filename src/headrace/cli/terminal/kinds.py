"""`headrace kinds`, `headrace pause` and `headrace resume`: show the catalog, and pause or resume a kind."""

from __future__ import annotations

import inspect

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.kind_fields import fields_of, result_of
from headrace.cli.terminal.output import note, show, show_json, show_table
from headrace.client import Client
from headrace.contracts.kinds import CatalogEntry
from headrace.printable import printable


async def show_kinds(api: Api, *, json: bool) -> None:
    """Print every kind of the catalog.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        kinds = await client.kinds()
    if json:
        show_json(kinds)
    elif kinds:
        show_table(("kind", "description", "#timeout", "#attempts", "limits", "workers"), map(_row, kinds))
    else:
        note("there are no kinds yet: start a worker, which announces its own")


async def show_kind(api: Api, name: str, *, json: bool) -> None:
    """Print what one kind does, the fields of its input, and what its result is.

    Raises:
        CommandFailed: There is no such kind, or the API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        kind = await find_kind(client, name)
    if json:
        show_json(kind)
        return
    show(inspect.cleandoc(kind.description) + "\n")
    if fields := list(fields_of(kind.input_schema)):
        show_table(("field", "what it takes", "default", "about"), fields)
    else:
        note("its input has no fields of its own; --json has its JSON Schema")
    show(f"\nits result: {printable(result_of(kind.result_schema))}\n")
    if fields := list(fields_of(kind.result_schema)):
        show_table(("field", "what it is", "", "about"), (field._replace(otherwise="") for field in fields))


async def find_kind(client: Client, name: str) -> CatalogEntry:
    """Return a kind of the catalog.

    Raises:
        CommandFailed: There is no such kind.
    """
    found = next((each for each in await client.kinds() if each.name == name), None)
    if found is None:
        raise CommandFailed(f"there is no kind {name!r}; `headrace kinds` lists them", EXIT_REFUSED)
    return found


async def set_paused(api: Api, kind: str, *, paused: bool) -> None:
    """Pause or resume a kind, and print its new state.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        entry = await (client.pause(kind) if paused else client.resume(kind))
    show(f"{entry.name} {'paused' if entry.paused else 'resumed'}")


def _row(kind: CatalogEntry) -> tuple[str, ...]:
    first_line = next(iter(kind.description.splitlines()), "")
    workers = (
        ("yes" if kind.has_workers else "no")
        + (", paused" if kind.paused else "")
        + ("" if kind.enabled else ", disabled")
    )
    return kind.name, first_line, f"{kind.timeout:g} s", str(kind.max_attempts), _limits(kind), workers


def _limits(kind: CatalogEntry) -> str:
    limits = [f"{kind.concurrency:,} at a time"] if kind.concurrency is not None else []
    if kind.rate is not None:
        limits.append(f"{kind.rate:,.0f} a second" if kind.rate >= 1 else f"one in {1 / kind.rate:g} s")
    return ", ".join(limits)
