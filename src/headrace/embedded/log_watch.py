"""Start nats-server anew when the log goes on taking nothing although its disk has room again.

nats-server 2.15.1 keeps the error of a full disk: it answers no append until it is started anew. It runs, and everything can be
read, so nothing but a process whose appends go unacknowledged can tell. Those processes say it in their health checks.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from headrace.embedded.network import get
from headrace.log.acceptance import TAKES_NOTHING

WATCH_SECONDS = 2.0  # between two looks
ROOM_BYTES = 64 << 20  # free on the disk: less is gone again before anybody sees it
# The log has had room for this long and still takes nothing. An append that began before there was room may fail for another
# five seconds, and a NATS that only takes long should not be interrupted.
PATIENCE_SECONDS = 6.0
BACKOFF_FIRST_SECONDS = 30.0  # between two starts, for a NATS that takes nothing for another reason
BACKOFF_MAX_SECONDS = 600.0

Address = tuple[str, int]


class LogWatch:
    """Watches whether the log takes what is appended.

    Args:
        directory: Where NATS keeps its store; its disk is meant.
        addresses: Host and port of the health checks of those who append.
        restart: Ends nats-server, so that it is started again.
        say: Called with a line that says what happens.
    """

    def __init__(
        self,
        directory: Path,
        addresses: Iterable[Address],
        restart: Callable[[], Awaitable[None]],
        say: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._addresses = tuple(addresses)
        self._restart = restart
        self._say = say
        self._told_full = False
        # Since when the log has taken nothing while its disk had room.
        self._stuck_since: float | None = None
        self._restart_from = 0.0
        self._backoff = BACKOFF_FIRST_SECONDS

    async def watch(self) -> None:
        """Watch for ever."""
        while True:
            await self.check()
            await asyncio.sleep(WATCH_SECONDS)

    async def check(self) -> None:
        """Look once, and end nats-server when it is stuck."""
        problem = await self._find_problem()
        if problem is None:
            self._stuck_since, self._told_full = None, False
            return
        if (free := _free_bytes(self._directory)) < ROOM_BYTES:
            self._tell_full(free)
            return
        now = time.monotonic()
        self._stuck_since = self._stuck_since or now
        if now - self._stuck_since < PATIENCE_SECONDS or now < self._restart_from:
            return
        self._say(
            f"the log {problem}; its disk has room, so nats is started anew, which forgets the error of a full disk"
        )
        # Another restart only helps when there is another reason by then.
        self._backoff = BACKOFF_FIRST_SECONDS if now - self._restart_from > BACKOFF_MAX_SECONDS else 2 * self._backoff
        self._restart_from = now + min(self._backoff, BACKOFF_MAX_SECONDS)
        self._stuck_since = None
        await self._restart()

    def _tell_full(self, free: int) -> None:
        self._stuck_since = None
        if not self._told_full:
            self._told_full = True
            self._say(
                f"the disk of {self._directory} is full ({free:,} bytes are free); nothing is accepted until there is room"
            )

    async def _find_problem(self) -> str | None:
        """Return what the first process says whose appends go unacknowledged; None when there is none."""
        for address in self._addresses:
            # A process that does not answer is seen to otherwise.
            with suppress(OSError, TimeoutError, msgspec.MsgspecError):
                _, body = await get(*address, "/health/ready")
                check = msgspec.json.decode(body, type=_Ready).checks.get("log", "")
                if check.startswith(TAKES_NOTHING):
                    return check
        return None


def _free_bytes(directory: Path) -> int:
    """Return how many bytes the disk of a directory has left; 0 when the directory cannot be read."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return 0


class _Ready(msgspec.Struct):
    checks: dict[str, str]
