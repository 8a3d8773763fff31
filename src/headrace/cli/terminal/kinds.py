"""`headrace kinds`: what can be submitted."""

from __future__ import annotations

import click

from headrace.cli.terminal.calling import explaining
from headrace.cli.terminal.events import printable
from headrace.cli.terminal.output import show_json, show_table
from headrace.client import Client
from headrace.contracts.kinds import CatalogEntry


async def show_kinds(url: str, *, json: bool) -> None:
    """Print the catalog.

    Raises:
        Stopped: the API cannot be reached, or refuses.
    """
    with explaining(url):
        async with Client(url) as client:
            kinds = await client.kinds()
    if json:
        show_json(kinds)
    elif kinds:
        show_table(("kind", "description", "#timeout", "#attempts", "limits", "workers"), map(_row, kinds))
    else:
        click.echo("there are no kinds yet: start a worker, which announces its own", err=True)


def _row(kind: CatalogEntry) -> tuple[str, ...]:
    first_line = next(iter(kind.description.splitlines()), "")
    workers = ("yes" if kind.has_workers else "no") + (", paused" if kind.paused else "")
    return kind.name, printable(first_line), f"{kind.timeout:g} s", str(kind.max_attempts), _limits(kind), workers


def _limits(kind: CatalogEntry) -> str:
    limits = [f"{kind.concurrency:,} at a time"] if kind.concurrency is not None else []
    if kind.rate is not None:
        limits.append(f"{kind.rate:,.0f} a second" if kind.rate >= 1 else f"one in {1 / kind.rate:g} s")
    return ", ".join(limits)
