"""Telling the API processes that this process is there, and what it does, for as long as it is."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from typing import Any

import msgspec

from headrace.contracts.processes import ProcessNotice, ProcessRole
from headrace.errors import LogUnavailable
from headrace.log import clock, live_subjects
from headrace.log.connection import Log
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger

PRESENCE_SECONDS = 5.0  # between two notices; who is missed three times is gone
# Between two notices of a process that is asked. Many API processes may start at once, and one notice is for all of them.
ANSWER_SECONDS = 0.5

_encode = msgspec.json.Encoder().encode

log = get_logger(__name__)


def process_name() -> str:
    """Return a name for this process: of its machine, or of its pod, and its number there."""
    return f"{socket.gethostname()}-{os.getpid()}"


class Presence:
    """Tells of one process.

    Args:
        event_log: The log, beside which it is published.
        role: Which of the processes it is.
        name: Its name.
        details: Returns what else there is to say, as fields of a `ProcessNotice`.
    """

    def __init__(
        self, event_log: Log, role: ProcessRole, name: str, details: Callable[[], dict[str, Any]] | None = None
    ) -> None:
        self._log = event_log
        self._role: ProcessRole = role
        self._name = name
        self._details = details
        self._since: datetime = clock.now()
        self._subject = live_subjects.process(role, secrets.token_hex(8))
        self._asked = asyncio.Event()
        self._is_listening = False
        self._telling = RepeatedWarning(
            log, "the API cannot be told that this process is there", "the API is told that this process is there"
        )

    async def tell_regularly(self) -> None:
        """Tell of the process at once, when it is asked, after a reconnect, and every `PRESENCE_SECONDS`, until cancelled."""
        self._log.on_reconnect(self._on_reconnect)
        while True:
            self._asked.clear()
            # What is published while NATS is away would arrive when it is over and done with.
            if self._log.is_connected:
                await self._listen_and_tell()
            await asyncio.sleep(min(ANSWER_SECONDS, PRESENCE_SECONDS))
            with suppress(TimeoutError):
                async with asyncio.timeout(PRESENCE_SECONDS - ANSWER_SECONDS):
                    await self._asked.wait()

    async def _on_reconnect(self) -> None:
        self._asked.set()

    async def _listen_and_tell(self) -> None:
        notice = ProcessNotice(
            role=self._role,
            name=self._name,
            version=version("headrace"),
            since=self._since,
            **({} if self._details is None else self._details()),
        )
        try:
            if not self._is_listening:
                await self._log.live.watch(live_subjects.PROCESSES_ASKED, lambda _subject, _payload: self._asked.set())
                self._is_listening = True
            await self._log.live.publish(self._subject, _encode(notice))
        except LogUnavailable as error:
            self._telling.note(error.message)
        else:
            self._telling.end()
