"""`headrace pause` and `headrace resume`: whether tasks of a kind are started."""

from __future__ import annotations

import click

from headrace.cli.terminal.calling import explaining
from headrace.client import Client


async def set_paused(url: str, kind: str, *, paused: bool) -> None:
    """Pause a kind, or resume it, and print what it is now.

    Raises:
        Stopped: the API cannot be reached, or refuses.
    """
    with explaining(url):
        async with Client(url) as client:
            entry = await (client.pause(kind) if paused else client.resume(kind))
    click.echo(f"{entry.name} {'paused' if entry.paused else 'resumed'}")
