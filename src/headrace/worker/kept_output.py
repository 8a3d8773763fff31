"""What a worker keeps of what a handler writes: its newest lines and chunks, stored as files when the attempt ends.

The log has them for an hour. They are kept in memory meanwhile, 256 KB of each. Keeping them may delay the end of an attempt for
two seconds at most, and never makes one fail.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import msgspec

from headrace.contracts.events import Emitted, Logged
from headrace.contracts.kept_output import KEPT_BYTES_MAX, KEPT_NAMES, KEPT_ROLES, KeptChunks, KeptLine, decode_kept
from headrace.contracts.positions import Position
from headrace.contracts.tasks import FileRole
from headrace.errors import HeadraceError
from headrace.log import clock
from headrace.repeated import RepeatedWarning
from headrace.sdk.files import FileError, FileStoreUnavailable
from headrace.telemetry import get_logger
from headrace.worker.attempt_files import AttemptFiles

KEEP_SECONDS = 2.0  # by which keeping what was written may delay the end of an attempt

_encode = msgspec.json.Encoder().encode
_decoders: dict[FileRole, msgspec.json.Decoder[Any]] = {
    FileRole.LOG: msgspec.json.Decoder(KeptLine),
    FileRole.OUTPUT: msgspec.json.Decoder(KeptChunks),
}

log = get_logger(__name__)
_keeping = RepeatedWarning(log, "what handlers wrote is not kept", "what handlers write is kept again")


class KeptOutput:
    """The newest lines and chunks of one attempt.

    Args:
        files: Writes them.
        attempt: Which attempt it is; a later one goes on with what earlier ones of the run have kept.
        fence: Where the log has the end of the run before.
        has_lost: Whether a worker was lost with what the attempt had written before.
    """

    def __init__(self, files: AttemptFiles, *, attempt: int, fence: int, has_lost: bool) -> None:
        self._files = files
        self._attempt = attempt
        self._fence = fence
        # What is lost counts as one line, so that nobody takes the rest for all.
        self._first_number = 2 if has_lost else 1
        self._newest = {role: _Newest() for role in KEPT_ROLES} if files.has_store else {}

    def add_line(self, event: Logged, position: Position) -> None:
        """Keep a line that the log has at ``position``."""
        if newest := self._newest.get(FileRole.LOG):
            number = self._first_number + newest.count
            line = KeptLine(
                number=number,
                at=clock.now(),
                attempt=event.attempt,
                level=event.level,
                message=event.message,
                position=str(position),
            )
            newest.add(_encode(line))

    def add_chunks(self, event: Emitted, position: Position) -> None:
        """Keep chunks that the log has at ``position``."""
        if newest := self._newest.get(FileRole.OUTPUT):
            number = self._first_number + newest.count
            chunks = KeptChunks(
                number=number, at=clock.now(), attempt=event.attempt, chunks=event.chunks, position=str(position)
            )
            newest.add(_encode(chunks))

    async def store(self) -> None:
        """Store what was kept, if there is anything, within two seconds."""
        written = [role for role, newest in self._newest.items() if newest.count]
        if not written:
            return
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                await asyncio.gather(*(self._store(role, self._newest[role]) for role in written))
        except (HeadraceError, FileError, FileStoreUnavailable, TimeoutError) as error:
            _keeping.note(str(error) or f"it took longer than {KEEP_SECONDS:g} s")
        else:
            _keeping.end()

    async def _store(self, role: FileRole, newest: _Newest) -> None:
        earlier = await self._read_earlier(role) if self._attempt > 1 else []
        count = earlier[-1].number if earlier else 0
        lines = [*newest.lines]
        if earlier:
            read = (_decoders[role].decode(line) for line in lines)
            renumbered = (msgspec.structs.replace(each, number=each.number + count) for each in read)
            lines = _within([_encode(each) for each in (*earlier, *renumbered)])
        whole = b"".join(line + b"\n" for line in lines)
        await self._files.keep(role, KEPT_NAMES[role], whole)

    async def _read_earlier(self, role: FileRole) -> list[Any]:
        """Read what earlier attempts of this run have kept."""
        found = decode_kept(_decoders[role], await self._files.read_kept(role))
        return [each for each in found if _sequence(each.position) > self._fence]


class _Newest:
    """The newest lines, encoded, and how many there were."""

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.count = 0
        self._size = 0

    def __bool__(self) -> bool:
        return True

    def add(self, line: bytes) -> None:
        self.count += 1
        self.lines.append(line)
        self._size += len(line) + 1
        while self._size > KEPT_BYTES_MAX and len(self.lines) > 1:
            self._size -= len(self.lines.popleft()) + 1


def _within(lines: list[bytes]) -> list[bytes]:
    """Return the newest lines that have room, one at least."""
    newest = _Newest()
    for line in lines:
        newest.add(line)
    return list(newest.lines)


def _sequence(position: str) -> int:
    with suppress(ValueError):
        return Position.parse(position).sequence
    return 0
