"""Write to standard error, each line with the name of the process that it comes from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO, cast

from headrace.embedded.counts import role_of
from headrace.embedded.line_writer import LineWriter
from headrace.embedded.process import OnLine
from headrace.printable import has_colours, printable_lines

NAME_WIDTH = 9  # projector
COLOURS = {"up": 37, "api": 36, "worker": 32, "projector": 35, "nats": 34, "postgres": 33}  # ANSI foreground
OTHER_COLOUR = 90


class PrefixedOutput:
    """Writes lines after the name of a process, coloured on a terminal; what a line has of others is escaped.

    Args:
        stream: A stream with a descriptor; standard error when None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        # Python has no standard error when the caller has closed it.
        found = stream or cast("TextIO | None", sys.stderr)
        self.is_terminal = found is not None and found.isatty()
        self._coloured = found is not None and has_colours(found)
        self._encoding = "utf-8" if found is None else found.encoding
        self._writer = LineWriter(None if found is None else found.fileno())

    def say(self, text: str) -> None:
        """Write a line of `up` itself."""
        self._write("up", text)

    def of(self, name: str, drop: Sequence[str] = ()) -> OnLine:
        """Return a function that writes the lines of a process, without those that contain one of ``drop``."""

        def write(line: str) -> None:
            if not any(each in line for each in drop):
                self._write(name, line)

        return write

    def flush(self) -> None:
        """Wait a moment until everything so far is written, for what goes to another output after it."""
        self._writer.flush()

    def close(self) -> None:
        """Write what still waits, for a moment."""
        self._writer.close()

    def _write(self, name: str, text: str) -> None:
        if left_out := self._writer.take_left_out():
            self._writer.write(self._line("up", f"{left_out:,} lines are left out here, which nobody read in time"))
        self._writer.write(self._line(name, text))

    def _line(self, name: str, text: str) -> bytes:
        prefix = f"{name:<{NAME_WIDTH}} |"
        if self._coloured:
            prefix = f"\x1b[{COLOURS.get(role_of(name), OTHER_COLOUR)}m{prefix}\x1b[0m"
        return f"{prefix} {printable_lines(text)}\n".encode(self._encoding, errors="backslashreplace")
