"""Comparing the log with the read model after the log's server was started, before anything is appended to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headrace.contracts.positions import Position
from headrace.log import continuity
from headrace.log.connection import Log
from headrace.telemetry import get_logger

AGAIN_SECONDS = 0.5

log = get_logger(__name__)


async def compare(with_: Log, checkpoint: Callable[[], Awaitable[Position | None]]) -> None:
    """Return when the log is known to hold everything that the read model has, or to have been made anew.

    One that is shorter is repaired by the projector, which is waited for: what were accepted before would be lost, or shown
    under the position of something else.

    Args:
        with_: The log.
        checkpoint: How far the read model is; None when it does not say.

    Raises:
        LogUnavailable: the log does not answer.
    """
    said = ""
    while not await continuity.is_compared(with_.connection, with_.settings.replicas):
        state = with_.state
        known = await checkpoint()
        if known is None:
            wrong = "the read model cannot be reached; nothing is accepted until it was compared with the log"
        elif known.epoch == state.epoch and known.sequence > state.last_sequence:
            wrong = "the log has come back shorter than it was; waiting for a projector to repair it"
        else:
            if with_.seen > state.last_sequence:  # what this process saw last never reached the read model
                await continuity.fill(with_.connection, state.last_sequence, with_.seen + continuity.MARGIN)
            await continuity.mark_compared(with_.connection)
            return
        if wrong != said:
            log.error(wrong, last_sequence=state.last_sequence)
            said = wrong
        await asyncio.sleep(AGAIN_SECONDS)
        await with_.refresh()
