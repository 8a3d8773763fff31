"""Telling the streams of all API processes what no log has: accounts that wait or were decided about, and paused kinds."""

from __future__ import annotations

import asyncio

import msgspec

from headrace.contracts.hints import KindPaused, UserHint, UserHintChange
from headrace.contracts.identity import UserState
from headrace.errors import LogUnavailable
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.telemetry import get_logger

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class HintTelling:
    """Publishes hints to all API processes, this one included. Nobody waits for it, and what cannot be told is left out.

    Args:
        event_log: The log, beside which it is published.
    """

    def __init__(self, event_log: Log) -> None:
        self._log = event_log
        self._telling: set[asyncio.Task[None]] = set()

    def tell_user(self, user: str, change: UserHintChange, state: UserState) -> None:
        """Tell that somebody has asked for an account, or that one was decided about. Called after the commit in Postgres."""
        self._tell(live_subjects.USERS, UserHint(user=user, change=change, state=state))

    def tell_paused(self, kind: str, *, paused: bool) -> None:
        """Tell that a kind was paused or resumed."""
        self._tell(live_subjects.kind_live(kind), KindPaused(kind=kind, paused=paused))

    def _tell(self, subject: str, told: msgspec.Struct) -> None:
        # What is published while NATS is away would arrive when it is over and done with.
        if self._log.is_connected:
            telling = asyncio.create_task(self._publish(subject, _encode(told)), name="tell a hint")
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    async def _publish(self, subject: str, payload: bytes) -> None:
        try:
            await self._log.live.publish(subject, payload)
        except LogUnavailable as error:
            log.warning("a hint could not be told", subject=subject, error=error.message)
