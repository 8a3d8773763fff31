"""The two databases that parts come from: the read model, of which a screen shows one moment, and the accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.api.at_least import reach
from headrace.api.bff.parts import IDENTITY_SECONDS, READ_MODEL_SECONDS, Found, Reading, read_all
from headrace.api.state import ApiState
from headrace.contracts.positions import Position
from headrace.errors import ReadModelBehind
from headrace.store.checkpoints import read_checkpoint

REACH_SECONDS = 0.25  # of the deadline, for a projector that is usually a tenth of a second behind


class FromReadModel:
    """Parts from the read model: all of them, and the position, are read in one snapshot.

    Args:
        api: The state of the process.
        readings: The parts.
        at_least: The position that the request asks for, if it does. A projector that has not reached it is not waited for
            longer than a page waits: the parts are sent as they are, and the answer says so.
        keeps_plans: Whether no statement needs a plan for its values, see `headrace.store.snapshot.Snapshot`.
    """

    seconds = READ_MODEL_SECONDS
    has_position = True

    def __init__(
        self, api: ApiState, *readings: Reading[Any], at_least: str | None = None, keeps_plans: bool = True
    ) -> None:
        self._api = api
        self._keeps_plans = keeps_plans
        self._readings: Sequence[Reading[Any]] = readings
        self._at_least = at_least
        self.names = tuple(each.name for each in readings)

    async def read(self, found: Found, /) -> None:
        """Read the parts.

        Raises:
            InvalidPosition: The request asks for something that is no position.
            ReadModelUnavailable: Postgres cannot be reached.
        """
        try:
            await reach(self._api, self._at_least, REACH_SECONDS)
        except ReadModelBehind as error:
            found.behind = error
        async with self._api.read_model.snapshot(keeps_plans=self._keeps_plans) as session:
            found.position = await read_checkpoint(session) or Position(self._api.log.epoch, 0)
            await read_all(session, self._readings, found)


class FromIdentity:
    """Parts from the accounts, sessions, keys, settings and the audit.

    Args:
        api: The state of the process.
        readings: The parts.
    """

    seconds = IDENTITY_SECONDS
    has_position = False

    def __init__(self, api: ApiState, *readings: Reading[Any]) -> None:
        self._identity = api.identity
        self._readings: Sequence[Reading[Any]] = readings
        self.names = tuple(each.name for each in readings)

    async def read(self, found: Found, /) -> None:
        """Read the parts.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._identity.transaction() as session:
            await read_all(session, self._readings, found)
