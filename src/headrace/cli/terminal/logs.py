"""`headrace logs`: what a task wrote."""

from __future__ import annotations

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.event_text import as_json, local_time
from headrace.cli.terminal.output import note, show, show_json
from headrace.contracts.screens.task_detail import LogLine
from headrace.printable import printable

_USUAL_LEVEL = "info"


async def show_log(api: Api, task: str, *, json: bool) -> None:
    """Print the newest lines of a task.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        found = await client.log(task)
    if json:
        show_json(found)
        return
    for each in found.lines:
        show(_line(each))
    _note_missing("lines", has_any=bool(found.lines), complete=found.complete)


async def show_output(api: Api, task: str, *, json: bool) -> None:
    """Print the newest chunks of a task.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        found = await client.output(task)
    if json:
        show_json(found)
        return
    for each in found.chunks:
        show(as_json(each))
    _note_missing("chunks", has_any=bool(found.chunks), complete=found.complete)


def _line(line: LogLine) -> str:
    level = "" if line.level == _USUAL_LEVEL else f"{line.level}: "
    return f"{local_time(line.at)}  {level}{printable(line.message)}"


def _note_missing(what: str, *, has_any: bool, complete: bool) -> None:
    if not complete:
        note(f"there may have been earlier {what}, which are not kept any more")
    elif not has_any:
        note(f"it has written no {what}")
