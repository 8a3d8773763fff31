"""The hints of this process: one source for each thing, and for each owner that somebody follows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from headrace.api.hints.buffer import HintBuffer, Wants
from headrace.api.hints.gauges import GaugeHints
from headrace.api.hints.kinds import KindHints
from headrace.api.hints.owners import OwnerHints
from headrace.api.hints.source import HintSource
from headrace.api.hints.users import UserHints
from headrace.api.read_model import ReadModel
from headrace.log.connection import Log


class Hints:
    """The hints of this process. Without a stream that wants them it costs nothing.

    Args:
        log: The log, whose live side tells.
        read_model: The read model, which has the counts.
        kinds: How the kinds are.
        gauges: How the installation is.
    """

    def __init__(self, log: Log, read_model: ReadModel, kinds: KindHints, gauges: GaugeHints) -> None:
        self._log = log
        self._read_model = read_model
        self._kinds = kinds
        self._for_admins: tuple[HintSource, ...] = (gauges, UserHints(log))
        # By owner; None for everybody together.
        self._owners: dict[str | None, OwnerHints] = {}

    def follow(
        self, owner: str | None, wake: Callable[[], None], wants: Wants | None = None, *, for_admin: bool
    ) -> HintBuffer:
        """Gather the hints of a stream until its buffer is closed.

        Args:
            owner: Whose tasks the stream has; None for everybody's.
            wake: Makes the stream go on, so that it takes them.
            wants: Selects hints; None for all of them.
            for_admin: Whether there are also the hints for administrators.
        """
        buffer = HintBuffer(wake, wants)
        of_owner = self._owners.get(owner)
        if of_owner is None:
            of_owner = self._owners[owner] = OwnerHints(self._log, self._read_model, owner)
        for source in (of_owner, self._kinds, *(self._for_admins if for_admin else ())):
            source.join(buffer)
            buffer.on_close(partial(source.leave, buffer))
        buffer.on_close(partial(self._forget, owner, of_owner))
        return buffer

    def _forget(self, owner: str | None, source: OwnerHints) -> None:
        if not source.is_wanted and self._owners.get(owner) is source:
            del self._owners[owner]
