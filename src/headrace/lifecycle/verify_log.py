"""Verifying the log: after its server has started, it is compared with the read model before anything is appended to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headrace.contracts.positions import Position
from headrace.errors import ReadModelUnavailable
from headrace.log.connection import Log
from headrace.log.streams import StreamState
from headrace.telemetry import get_logger

VERIFY_POLL_SECONDS = 0.5

log = get_logger(__name__)


async def verify_log(to_verify: Log, checkpoint: Callable[[], Awaitable[Position]]) -> None:
    """Return when the log has everything that the read model has, or was made anew.

    A log that ends before the read model's checkpoint is repaired by the projector, and this function waits for the repair.
    Events appended before the repair would reuse positions that clients hold.

    Args:
        to_verify: The log.
        checkpoint: Returns the checkpoint of the read model, or raises ReadModelUnavailable.

    Raises:
        LogUnavailable: the log does not answer.
        ProvisionError: the servers keep no mark of the comparison.
    """
    reported = None
    while not await to_verify.continuity.is_compared():
        state = to_verify.state
        problem = await _find_problem(state, checkpoint)
        if problem is None:
            # This process may have seen positions that the log has lost before the read model had them.
            if to_verify.seen > state.last_sequence and to_verify.seen > (
                last := await to_verify.continuity.confirm_end()
            ):
                await to_verify.continuity.skip_positions(last, to_verify.seen)
            await to_verify.continuity.mark_compared()
            return
        if problem != reported:
            log.error(problem, last_sequence=state.last_sequence)
            reported = problem
        to_verify.held_because = problem
        await asyncio.sleep(VERIFY_POLL_SECONDS)
        await to_verify.refresh()


async def _find_problem(state: StreamState, read_checkpoint: Callable[[], Awaitable[Position]]) -> str | None:
    try:
        checkpoint = await read_checkpoint()
    except ReadModelUnavailable as error:
        return f"nothing is accepted until the log was compared with the read model: {error.message}"
    if checkpoint.epoch == state.epoch and checkpoint.sequence > state.last_sequence:
        return "the log has come back shorter than it was; waiting for a projector to repair it"
    return None
