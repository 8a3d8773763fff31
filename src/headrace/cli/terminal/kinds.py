"""`headrace kinds`, `headrace pause` and `headrace resume`: show the catalog, and pause or resume a kind."""

from __future__ import annotations

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.output import note, show, show_json, show_table
from headrace.contracts.kinds import CatalogEntry


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
