"""Write to standard output, which has what a command was asked for, and to standard error, which has what a person may want to know.

Every text is escaped for a terminal, because it may come from a request, a handler or a server that is not ours.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from headrace.printable import ascii_json, has_colours, printable, printable_json, printable_lines

WIDTH_WITHOUT_TERMINAL = 200  # characters; at 80, a table that is written to a file would be folded
WIDTH_MAX = 1000  # characters; wider than any table
WIDTH_MIN = 20  # characters; a narrower table would have letters below each other

if TYPE_CHECKING:
    from rich.table import Table

_FILES = {"stdin": os.O_RDONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}


class OutputLost(Exception):
    """Standard output cannot be written: its reader left, its disk is full, or it is closed."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"standard output cannot be written: {error.strerror or error}")
        self.reader_left = error.errno == errno.EPIPE


def show(text: str) -> None:
    """Print lines on standard output.

    Raises:
        OutputLost: They cannot be written.
    """
    show_styled(printable_lines(text))


def show_styled(text: str) -> None:
    """Print lines with colours, whose words the caller has made printable, on standard output.

    Raises:
        OutputLost: They cannot be written.
    """
    with _written():
        click.echo(text, color=None if has_colours(sys.stdout) else False)


def show_json(value: Any) -> None:
    """Print a value as indented JSON.

    Raises:
        OutputLost: It cannot be written.
    """
    # The help does without it.
    import msgspec

    show_json_text(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def show_json_text(text: str) -> None:
    """Print JSON in the letters that standard output has, and the others as escapes of JSON.

    Raises:
        OutputLost: It cannot be written.
    """
    text = printable_json(text)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = ascii_json(text)
    show_styled(text)


def show_screen(text: str) -> None:
    """Print lines in the place of what a terminal shows. The caller has made their words printable.

    Raises:
        OutputLost: They cannot be written.
    """
    show_styled(f"\x1b[H\x1b[J{text}")


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a heading that begins with ``#`` stands over numbers, which are aligned to the right.

    Raises:
        OutputLost: It cannot be written.
    """
    show_styled(format_table(headings, rows))


def format_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in the width of standard output; see `show_table`. Its words are printable."""
    from rich.console import Console

    console = Console(width=output_width())
    with console.capture() as captured:
        console.print(_table(headings, rows))
    return captured.get().removesuffix("\n")


def table_width(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Return the characters that a table takes whose cells have a line each."""
    from rich.console import Console

    return Console(width=WIDTH_MAX).measure(_table(headings, rows)).maximum


def output_width() -> int:
    """Return the characters of a line of standard output."""
    return max(get_terminal_size().columns, WIDTH_MIN) if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading.removeprefix("#"), justify="right" if heading.startswith("#") else "left")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def note(text: str) -> None:
    """Print lines on standard error. When it cannot be written, the command goes on, unless its reader left.

    Raises:
        OutputLost: Its reader left, as that of both outputs does in ``2>&1 | head``.
    """
    try:
        click.echo(printable_lines(text), err=True)
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise OutputLost(error) from error


def open_outputs() -> None:
    """Make the standard files usable: a letter that an output does not have is escaped, a file that is closed is replaced.

    A closed standard output fails when it is written. No file or socket that is opened later takes its number, so nothing that
    is meant for it is written there.
    """
    for number, (name, flags) in enumerate(_FILES.items()):
        if not _is_open(number):
            os.open(os.devnull, flags)
        if name != "stdin" and getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.FileIO(number, "w", closefd=False), "utf-8", line_buffering=True))
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Write nothing more to standard output, so that Python does not try again when it exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


@contextmanager
def _written() -> Generator[None]:
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        raise OutputLost(error) from error


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def is_asked() -> bool:
    """Tell whether somebody at a terminal can answer a question."""
    # There is no standard input when a program closed it.
    return sys.stdin is not None and sys.stdin.isatty()
