"""`headrace files`: list, download, upload and delete files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.event_text import local_time
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import note, show, show_json, show_table
from headrace.cli.terminal.sizes import size as format_bytes
from headrace.contracts.files import File, FileState
from headrace.printable import printable


async def show_files(api: Api, search: str | None, task: str | None, limit: int, *, json: bool) -> None:
    """Print files, the newest first.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    found: list[File] = []
    async with open_client(api) as client, aclosing(client.files.list(q=search, task=task)) as files:
        async for file in files:
            found.append(file)
            if len(found) == limit:
                break
    if json:
        show_json(found)
    elif found:
        show_table(("file", "name", "#size", "type", "when", "state"), map(_row, found))
    else:
        note("there are no such files" if search or task else "there are no files; `headrace files put` uploads one")


async def get_file(api: Api, file: str, to: Path | None) -> None:
    """Download a file, and print where it is.

    Raises:
        CommandFailed: The API refused, or cannot be reached, or the file cannot be written.
    """
    async with open_client(api) as client:
        found = await client.files.get(file)
        place = _place_for(found, to)
        with shown_progress(found.name) as on_progress, _written(place):
            await client.files.download(file, place, on_progress=on_progress)
    show(str(place))


async def put_files(api: Api, paths: Sequence[Path], name: str | None, media_type: str | None) -> None:
    """Upload files, and print the id of each.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        for path in paths:
            with shown_progress(name or path.name) as on_progress:
                file = await client.files.upload(path, name=name, media_type=media_type, on_progress=on_progress)
            show(f"{file.id} {file.name}" if len(paths) > 1 else file.id)


async def remove_files(api: Api, files: Sequence[str]) -> None:
    """Delete files.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        for file in files:
            await client.files.delete(file)
            show(f"{file} deleted")


def _row(file: File) -> tuple[str, ...]:
    state = "" if file.state == FileState.READY else str(file.state)
    return (
        file.id,
        file.name,
        format_bytes(file.size),
        file.media_type,
        local_time(file.created_at).partition(".")[0],
        state,
    )


def _place_for(file: File, to: Path | None) -> Path:
    """Return where a file is written. A file that is there is replaced only when it was named."""
    # A server that is not ours could name any path.
    own_name = Path(file.name).name or file.id
    if to is None or to.is_dir():
        place = (to or Path()) / own_name
        if place.exists():
            raise CommandFailed(f"{place} is there already: say where to write the file", EXIT_REFUSED)
        return place
    return to


@contextmanager
def _written(place: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise CommandFailed(f"{place} cannot be written: {error.strerror or error}", EXIT_REFUSED) from error


@contextmanager
def shown_progress(name: str) -> Generator[Callable[[int, int], None]]:
    """Show a bar on standard error, if that is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal
    ) as bar:
        # Words in brackets are styles.
        task = bar.add_task(printable(name).replace("[", "\\["), total=None)
        yield lambda there, size: bar.update(task, completed=there, total=size)
