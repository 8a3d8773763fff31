"""The command: read and show, once or again and again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import NamedTuple

from headrace.cli.terminal.discovery import find_database
from headrace.cli.terminal.lag.columns import table
from headrace.cli.terminal.lag.percentiles import percentiles_reader
from headrace.cli.terminal.log_reader import open_log_reader
from headrace.cli.terminal.output import note, show_json, show_screen, show_styled
from headrace.errors import LogUnavailable
from headrace.lag.reading import Observer
from headrace.lag.rows import Row, rows_of
from headrace.printable import printable
from headrace.settings import Settings

WATCH_SECONDS = 2.0  # between two readings for somebody who watches
NOTHING = "nobody reads the log yet: start a worker and a projector"


class Shown(NamedTuple):
    """What to show: each lane of a kind, the consumers of others, JSON, and again and again."""

    lanes: bool = False
    others: bool = False
    json: bool = False
    watch: bool = False


async def show_lag(settings: Settings, shown: Shown, *, home: str | None) -> None:
    """Print what is known of each kind; the log is that of the `up` with this home, when one is given.

    Raises:
        CommandFailed: The log cannot be reached, or there is none.
    """
    async with open_log_reader(settings, "lag", home) as log:
        observer = Observer(log, percentiles_reader(find_database(settings, home)))
        if not shown.watch:
            _show(await _read(observer, shown), shown)
            return
        while True:
            await _show_again(observer, shown)
            await asyncio.sleep(WATCH_SECONDS)


async def _read(observer: Observer, shown: Shown) -> list[Row]:
    return rows_of(await observer.observe(), lanes=shown.lanes, others=shown.others)


def _show(rows: Sequence[Row], shown: Shown) -> None:
    if shown.json:
        show_json(rows)
    elif rows:
        show_styled(table(rows))
    else:
        note(NOTHING)


async def _show_again(observer: Observer, shown: Shown) -> None:
    """Show what there is now. A log that is away for a while is said, and is what is watched for."""
    try:
        rows = await _read(observer, shown)
    except LogUnavailable as error:
        text = printable(error.message)
        if shown.json:
            note(text)
            return
    else:
        if shown.json:
            show_json(rows)
            return
        text = table(rows) if rows else NOTHING
    title = f"{datetime.now().astimezone():%H:%M:%S}, again every {WATCH_SECONDS:g} s; Ctrl-C ends"
    if sys.stdout.isatty():
        show_screen(_cropped(f"{title}\n\n{text}"))
    else:
        show_styled(f"{title}\n{text}\n")


def _cropped(text: str) -> str:
    """Return as much of a text as a terminal shows without moving it."""
    lines, height = text.split("\n"), get_terminal_size().lines - 1
    return (
        text if len(lines) <= height else "\n".join([*lines[: height - 1], f"… {len(lines) - height + 1} more lines"])
    )
