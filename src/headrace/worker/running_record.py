"""What a worker runs, in a file that outlives it.

A handler that holds the interpreter in a C call stops everything in its worker, also what would end it. Somebody else ends the
worker then, and the next worker reads here which handler was to blame: without that the task would be run three times, and
would stop three workers, before it is given up.

The file is mapped into memory, so that a note costs no system call and is there whenever the process ends. It begins with the
time at which the worker was ended because it did not answer, 0.0 for never; a row follows for each task that runs:

    sequence    8 bytes   of the delivery in the log, 0 for a row that is free
    deadline    8 bytes   end of the handler's timeout, in monotonic time, which all processes of a machine share
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from contextlib import suppress
from pathlib import Path

ROWS = 4096  # 64 KB; tasks beyond are run without being noted
NO_ROW = 0  # a row never begins here

_ENDED = struct.Struct("=d")
_ROW = struct.Struct("=Qd")
_SIZE = _ENDED.size + ROWS * _ROW.size


class RunningRecord:
    """The record of this worker.

    Args:
        path: The file, which no other worker uses meanwhile; None keeps the record in memory alone.

    Attributes:
        blamed: Sequences of the tasks that made the worker before this one stand still.
    """

    def __init__(self, path: Path | None) -> None:
        self.blamed = frozenset[int]() if path is None else _read_blamed(path)
        self._memory = _map(path)
        self._free = list(range(_ENDED.size, _SIZE, _ROW.size))

    def note(self, sequence: int, deadline: float) -> int:
        """Note that a handler is about to be called; returns the row, for `clear`."""
        if not self._free:
            return NO_ROW
        row = self._free.pop()
        _ROW.pack_into(self._memory, row, sequence, deadline)
        return row

    def clear(self, row: int) -> None:
        """Note that the handler has ended."""
        if row:
            _ROW.pack_into(self._memory, row, 0, 0.0)
            self._free.append(row)

    def blame(self, sequence: int) -> None:
        """Note that the worker ends because of this task."""
        now = time.monotonic()
        # Others may be overdue only because of this one.
        self._memory[_ENDED.size :] = bytes(_SIZE - _ENDED.size)
        _ROW.pack_into(self._memory, _ENDED.size, sequence, now)
        _ENDED.pack_into(self._memory, 0, now)


def note_end(path: Path) -> None:
    """Note that the worker of a record is ended now, because it does not answer.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("r+b") as file:
        file.write(_ENDED.pack(time.monotonic()))


def _read_blamed(path: Path) -> frozenset[int]:
    """The one task whose timeout had passed when the worker was ended.

    A sound worker ends a handler at its timeout. Of several that were overdue the one that is to blame is not known, and none is
    blamed: they are started again, and counted.
    """
    with suppress(OSError):
        content = path.read_bytes()
        if len(content) == _SIZE and (ended := _ENDED.unpack_from(content)[0]):
            rows = _ROW.iter_unpack(content[_ENDED.size :])
            overdue = {sequence for sequence, deadline in rows if sequence and deadline <= ended}
            return frozenset(overdue if len(overdue) == 1 else ())
    return frozenset()


def _map(path: Path | None) -> mmap.mmap:
    if path is None:
        return mmap.mmap(-1, _SIZE)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.ftruncate(descriptor, _SIZE)
        return mmap.mmap(descriptor, _SIZE)
    finally:
        os.close(descriptor)
