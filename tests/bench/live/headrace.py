"""Headrace as a server of event streams: the API process, and a log to append lines to."""

from __future__ import annotations

import psutil

from headrace.contracts.events import EventName, Logged, Progressed, encode
from headrace.contracts.positions import Position
from headrace.log import subjects
from headrace.log.subjects import TaskSubject
from tests.bench.processes import cpu_seconds, resident_bytes
from tests.bench.stack import Stack

OWNER = "local"  # the administrator of the home, whose key the clients send
LINE_TTL = "1h"  # as a worker gives them


class Headrace:
    """Lines are appended to the log as a worker does it, so that what is measured has no workers in it."""

    path = "/api/v1/events"
    ids = True
    separator = "\n\n"

    def __init__(self, stack: Stack) -> None:
        self.port = stack.up.port
        self._up = stack.up
        self._log = stack.writer
        self._subject = str(TaskSubject(EventName.LOGGED, "noop", "normal", OWNER, "bench"))

    async def publish(self, line: str) -> None:
        event = Logged(attempt=1, level="info", message=line)
        await self._log.appender.append(self._subject, encode(event), {subjects.TTL: LINE_TTL})

    async def followed_by(self, clients: int) -> None:
        """It answers when it follows."""

    async def position(self) -> str:
        """Where the log stands."""
        state = await self._log.refresh()
        return str(Position(state.epoch, state.last_sequence))

    def cpu_seconds(self) -> dict[str, float]:
        return cpu_seconds(self._up.running)

    def resident_bytes(self) -> dict[str, int]:
        running = self._up.running
        servers = {each.name(): each for each in psutil.Process(running.up.pid).children()}
        api = psutil.Process(running.children["api"].pid)
        return {"api": resident_bytes(api), "nats": resident_bytes(servers["nats-server"])}


class Progressing(Headrace):
    """The same with lines that are progress, which both forms of a stream have."""

    # A brief stream without a filter has hints as well, which are no deliveries.
    FULL = "/api/v1/events?event=progressed"
    BRIEF = f"{FULL}&form=brief"

    def __init__(self, stack: Stack, path: str) -> None:
        super().__init__(stack)
        self.path = path
        self._subject = str(TaskSubject(EventName.PROGRESSED, "noop", "normal", OWNER, "bench"))

    async def publish(self, line: str) -> None:
        event = Progressed(attempt=1, fraction=0.5, message=line)
        await self._log.appender.append(self._subject, encode(event), {subjects.TTL: LINE_TTL})
