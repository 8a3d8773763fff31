"""Hints for administrators: somebody has asked for an account, or another administrator has decided about one."""

from __future__ import annotations

import asyncio

import msgspec

from headrace.api.hints.buffer import Hint
from headrace.api.hints.source import HintSource, listening
from headrace.api.streaming.frames import hint_frame
from headrace.contracts.hints import HintName, UserHint
from headrace.log import live_subjects
from headrace.log.connection import Log

_decode = msgspec.json.Decoder(UserHint).decode


class UserHints(HintSource):
    """Hints about accounts, as all API processes tell them.

    Args:
        event_log: The log, whose live side tells.
    """

    def __init__(self, event_log: Log) -> None:
        super().__init__()
        self._log = event_log

    async def work(self) -> None:
        """Give hints until cancelled.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        async with listening(self._log, {live_subjects.USERS: self._on_user}):
            self.succeeded()
            await asyncio.get_running_loop().create_future()

    def _on_user(self, subject: str, payload: bytes) -> None:
        if (told := self.read(_decode, subject, payload)) is not None:
            self.give(Hint(HintName.USERS, f"user {told.user}", hint_frame(HintName.USERS, told)))
