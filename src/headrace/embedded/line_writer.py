"""Write lines to a descriptor that nobody may read."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from queue import Full, Queue

WAITING_LINES_MAX = 1000  # of about 8 KB at most
STALLED_SECONDS = 1.0  # without room for a line: nobody reads, and lines are left out until there is room for many
CLOSE_SECONDS = 2.0  # at the end, for the lines that wait


class LineWriter:
    """Writes lines in a thread of its own.

    A terminal may be stopped, and nobody may read a pipe: who writes to it then waits, for as long as that lasts. So the caller
    waits `STALLED_SECONDS` at most, and lines that find no room are left out.

    Args:
        descriptor: Where the lines go; None for nowhere.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        # An event is set when all lines before it are written; None is the end.
        self._lines: Queue[bytes | threading.Event | None] = Queue(WAITING_LINES_MAX)
        self._stalled = False
        self._left_out = 0
        self._thread = threading.Thread(target=self._write_lines, name="write lines", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> bool:
        """Write a line, or leave it out when nobody reads; returns whether it is written."""
        if self._stalled and self._lines.qsize() > WAITING_LINES_MAX // 2:
            self._left_out += 1
            return False
        try:
            self._lines.put(line, timeout=STALLED_SECONDS)
        except Full:
            self._stalled = True
            self._left_out += 1
            return False
        self._stalled = False
        return True

    def take_left_out(self) -> int:
        """Return how many lines were left out, and count anew, once there is room to say it; 0 before."""
        if not self._left_out or self._lines.qsize() > WAITING_LINES_MAX // 2:
            return 0
        count, self._left_out = self._left_out, 0
        return count

    def flush(self) -> None:
        """Wait until the lines so far are written, for `STALLED_SECONDS` at most once they have room."""
        written = threading.Event()
        with suppress(Full):
            self._lines.put(written, timeout=STALLED_SECONDS)
            written.wait(STALLED_SECONDS)

    def close(self) -> None:
        """Write the lines that wait, for as long as `CLOSE_SECONDS`."""
        with suppress(Full):
            self._lines.put(None, timeout=CLOSE_SECONDS)
            self._thread.join(CLOSE_SECONDS)

    def _write_lines(self) -> None:
        while (line := self._lines.get()) is not None:
            if isinstance(line, threading.Event):
                line.set()
                continue
            # When the terminal or pipe is gone, the work goes on.
            with suppress(OSError):
                self._write_line(line)

    def _write_line(self, line: bytes) -> None:
        while line and self._descriptor is not None:
            line = line[os.write(self._descriptor, line) :]
