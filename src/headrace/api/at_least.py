"""Reading your own writes: a read that names a position in `at_least` waits until the read model reflects it."""

from __future__ import annotations

from headrace.api.edge.request import AT_LEAST_SECONDS
from headrace.api.state import ApiState
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidPosition, LogUnavailable
from headrace.log.agreed import state_with


async def reach(api: ApiState, at_least: str | None, patience: float = AT_LEAST_SECONDS) -> None:
    """Wait, for ``patience`` seconds at most, until the read model reflects the position that a request names in `at_least`, if any.

    Raises:
        InvalidPosition: ``at_least`` is not a position, or not one that the log has handed out.
        ReadModelBehind: The projector did not reach the position in time.
        ReadModelUnavailable: Postgres cannot be reached.
    """
    if at_least is None:
        return
    try:
        position = Position.parse(at_least)
    except ValueError as error:
        raise _invalid(str(error)) from error
    if not await api.read_model.has_reached(position):
        await _check_handed_out(api, position)
        await api.read_model.reach(position, patience)


async def _check_handed_out(api: ApiState, position: Position) -> None:
    """Refuse a position after the end of the log: the read model would be waited for in vain, however often."""
    try:
        state = await state_with(api.log, *position)
    except LogUnavailable:
        # The log may have the position. Then the read model may reach it while the log is away.
        return
    if position > (state.epoch, state.last_sequence):
        raise _invalid(f"{position} is after the end of the log; pass a position that an answer or an event had")


def _invalid(message: str) -> InvalidPosition:
    return InvalidPosition(f"at_least: {message}", [FieldError(path="query at_least", message=message)])
