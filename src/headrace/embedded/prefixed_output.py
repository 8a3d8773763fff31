"""Write to standard error, each line with the name of the process that it comes from."""

from __future__ import annotations

import sys
from typing import TextIO

from headrace.embedded.process import OnLine
from headrace.printable import has_colours, printable_lines

NAME_WIDTH = 9  # projector
COLOURS = {"up": 37, "api": 36, "worker": 32, "projector": 35, "nats": 34, "postgres": 33}  # ANSI foreground
OTHER_COLOUR = 90


class PrefixedOutput:
    """Writes lines after the name of a process, coloured on a terminal; what a line has of others is escaped."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.is_terminal = self._stream.isatty()
        self._coloured = has_colours(self._stream)

    def say(self, text: str) -> None:
        """Write a line of `up` itself."""
        self._write("up", text)

    def of(self, name: str, drop: str | None = None) -> OnLine:
        """Return a function that writes the lines of a process, without those that contain ``drop``."""

        def write(line: str) -> None:
            if drop is None or drop not in line:
                self._write(name, line)

        return write

    def _write(self, name: str, text: str) -> None:
        prefix = f"{name:<{NAME_WIDTH}} |"
        if self._coloured:
            prefix = f"\x1b[{COLOURS.get(name, OTHER_COLOUR)}m{prefix}\x1b[0m"
        try:
            self._stream.write(f"{prefix} {printable_lines(text)}\n")
            self._stream.flush()
        except (OSError, ValueError):
            # The terminal or pipe is gone. The work goes on.
            pass
