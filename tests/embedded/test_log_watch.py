from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from headrace.embedded import log_watch
from headrace.embedded.log_watch import Address, LogWatch

UNACKNOWLEDGED = "takes nothing: the log did not acknowledge within 5 s"
AT_ITS_LIMIT = "takes nothing new: the log holds its 1,000 bytes"


@pytest.fixture(autouse=True)
def _without_patience(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(log_watch, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(log_watch, "ROOM_BYTES", 0)


class Watched:
    """A watch, how often it has ended NATS, and what it has said."""

    def __init__(self, directory: Path, *addresses: Address) -> None:
        self.restarts = 0
        self.said: list[str] = []
        self.watch = LogWatch(directory, addresses, self._restart, self.said.append)

    async def _restart(self) -> None:
        self.restarts += 1


async def test_nats_is_started_anew_once_when_the_log_takes_nothing_and_its_disk_has_room(tmp_path: Path) -> None:
    async with answering(lambda: "ok") as well, answering(lambda: UNACKNOWLEDGED) as stuck:
        watched = Watched(tmp_path, well, stuck)
        for _ in range(3):
            await watched.watch.check()
    assert watched.restarts == 1  # the next one comes after a while
    assert len(watched.said) == 1
    assert watched.said[0].startswith(f"the log {UNACKNOWLEDGED}; its disk has room, so nats is started anew")


async def test_nats_is_left_alone_while_its_disk_is_full_and_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(lambda: UNACKNOWLEDGED) as stuck:
        watched = Watched(tmp_path, stuck)
        with monkeypatch.context() as patched:
            patched.setattr(log_watch, "ROOM_BYTES", 1 << 62)
            await watched.watch.check()
            await watched.watch.check()
        assert watched.restarts == 0
        assert len(watched.said) == 1
        assert "is full" in watched.said[0]
        await watched.watch.check()
        assert watched.restarts == 1


async def test_nats_is_left_alone_when_the_log_is_at_its_limit_or_nobody_answers(tmp_path: Path) -> None:
    async with answering(lambda: AT_ITS_LIMIT) as limited, answering(lambda: "ok") as gone:
        pass
    async with answering(lambda: AT_ITS_LIMIT) as limited:
        watched = Watched(tmp_path, gone, limited)
        await watched.watch.check()
    assert (watched.restarts, watched.said) == (0, [])


@asynccontextmanager
async def answering(check: Callable[[], str]) -> AsyncIterator[Address]:
    """Answer health checks as a process of ours does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"status": "failing", "checks": {"nats": "ok", "log": check()}}).encode()
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()
