"""Telling the other API processes how many streams each account has open here, and hearing it from them.

It is published to the processes of the moment and kept nowhere: what has changed at once, and everything every few seconds, which
repairs what was lost on the way. While NATS is away, each process limits by itself.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

import msgspec

from headrace.api.streaming.places import Places, Told
from headrace.errors import LogUnavailable
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.telemetry import get_logger

WHOLE_SECONDS = 4.0  # between two messages with everything; see LEASE_SECONDS for a process that says nothing
PAUSE_SECONDS = 0.1  # between two messages; what changes meanwhile is told together

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Told).decode


class SharedPlaces:
    """What one process tells and hears.

    Args:
        event_log: The log, beside which it is published.
        places: The places at this process.
    """

    def __init__(self, event_log: Log, places: Places) -> None:
        self._log = event_log
        self._places = places
        self._own_subject = live_subjects.open_streams(secrets.token_hex(8))
        self._is_refused = False

    async def open(self) -> None:
        """Hear the other processes from now on.

        Raises:
            LogUnavailable: NATS does not answer.
        """
        await self._log.live.watch(live_subjects.OPEN_STREAMS, self._on_told)
        self._log.on_reconnect(self._on_reconnect)

    async def tell_regularly(self) -> None:
        """Tell the other processes what is open here, until cancelled."""
        clock = asyncio.get_running_loop().time
        whole_at = clock()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(whole_at):
                    await self._places.has_news.wait()
            if clock() >= whole_at:
                self._places.make_whole_due()
                whole_at = clock() + WHOLE_SECONDS
            await self._tell()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _tell(self) -> None:
        told = self._places.take_news()
        # What is published while NATS is away would arrive when it is over and done with.
        if not self._log.is_connected:
            return
        try:
            await self._log.live.publish(self._own_subject, _encode(told))
            self._is_refused = False
        except LogUnavailable as error:
            if not self._is_refused:
                log.warning("the other processes cannot be told how many streams are open here", error=error.message)
            self._is_refused = True

    async def _on_reconnect(self) -> None:
        self._places.make_whole_due()

    def _on_told(self, subject: str, payload: bytes) -> None:
        if subject == self._own_subject:
            return
        try:
            self._places.learn(subject, _decode(payload))
        except msgspec.MsgspecError as error:
            # A later version of this software may say it in another way.
            log.error("what another process has open cannot be read", subject=subject, error=str(error))
