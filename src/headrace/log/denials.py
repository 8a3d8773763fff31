"""What NATS does not permit the user of a connection: the server says so beside the stream of answers, and sends no answer.

Without this a request that is not permitted would look like a server that is slow.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from typing import NamedTuple

from headrace.errors import LogUnavailable
from headrace.telemetry import get_logger

RECENT_SECONDS = 60.0  # for which a refused publish is a problem; what is still tried is refused again within it
REPORTED_MAX = 100  # subjects; with more of them the user is another one's, and the first hundred say so

_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"', re.IGNORECASE)

log = get_logger(__name__)


class NotPermitted(LogUnavailable):
    """NATS does not permit this process's user to use a subject. The message says which, and what to do."""


class NotLetIn(LogUnavailable):
    """NATS does not accept the credentials of this process."""

    @classmethod
    def because(cls, why: str) -> NotLetIn:
        """Make the error of a connection that NATS has refused for this reason."""
        return cls(f"NATS does not let us in: {why}; check HEADRACE_NATS_USER and _PASSWORD, _TOKEN or _CREDENTIALS")


class Violation(NamedTuple):
    """What was not permitted: ``publish`` or ``subscription``, and the subject."""

    action: str
    subject: str

    def described(self) -> str:
        """Say what was tried, as ``publish to hr.probe``."""
        return f"{'publish' if self.action == 'publish' else 'subscribe'} to {self.subject}"

    @property
    def is_lasting(self) -> bool:
        """Whether what was refused stays without effect when it is permitted afterwards, until somebody subscribes again."""
        return self.action == "subscription"

    @classmethod
    def parse(cls, message: str) -> Violation | None:
        """Read an error of the server; returns None when it is about something else."""
        found = _VIOLATION.search(message)
        return cls(found[1].lower(), found[2]) if found else None


class Denials:
    """Ends the requests that are not permitted, and reports what else is not, once for each subject.

    Args:
        client: The name of the connection, for the log.
        user: The user of the connection; None when it has no name.
    """

    def __init__(self, client: str, user: str | None) -> None:
        self._client = client
        self._user = user
        # When each was refused last.
        self._reported: dict[Violation, float] = {}
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._collected: list[Violation] | None = None

    def note(self, violation: Violation) -> None:
        """The server has refused something."""
        if self._collected is not None:
            self._collected.append(violation)
            return
        waiting = self._waiting.get(violation.subject.lower(), ()) if violation.action == "publish" else ()
        for future in waiting:
            if not future.done():
                future.set_exception(NotPermitted(self._explain(violation)))
        # Who waits for an answer says what it means that there is none, as that a stream has to be provisioned.
        if waiting:
            return
        is_known = violation in self._reported
        if is_known or len(self._reported) < REPORTED_MAX:
            self._reported[violation] = monotonic()
        if not is_known and violation in self._reported:
            log.error(self._explain(violation), client=self._client)

    @property
    def problem(self) -> str | None:
        """What was not permitted lately, or, of subscriptions, since the connection was made; None when nothing was."""
        since = monotonic() - RECENT_SECONDS
        found = (each for each, at in self._reported.items() if each.is_lasting or at > since)
        return next(map(self._explain, found), None)

    @property
    def lasting_problem(self) -> str | None:
        """Which subscription was not permitted, so that nothing arrives on it; None when each was."""
        return next(map(self._explain, (each for each in self._reported if each.is_lasting)), None)

    def explain(self, subject: str) -> str | None:
        """Say that a publish to a subject was refused, if it was since the connection was made."""
        found = (
            each for each in self._reported if each.action == "publish" and each.subject.lower() == subject.lower()
        )
        violation = next(found, None)
        return self._explain(violation) if violation is not None else None

    @property
    def refused_subscriptions(self) -> frozenset[str]:
        """The subjects to which the user could not subscribe."""
        return frozenset(each.subject for each in self._reported if each.is_lasting)

    def forget_subscriptions(self, since: float) -> list[str]:
        """Forget the subscriptions that were not refused again since a time of the monotonic clock; return their subjects."""
        permitted = [each for each, at in self._reported.items() if each.is_lasting and at < since]
        for each in permitted:
            del self._reported[each]
        return [each.subject for each in permitted]

    def forget(self) -> None:
        """After a reconnect the server may have other permissions, so everything is reported again."""
        self._reported.clear()

    @contextmanager
    def collecting(self) -> Generator[list[Violation]]:
        """Collect what the server refuses within the block, in its order, instead of reporting it."""
        self._collected = collected = []
        try:
            yield collected
        finally:
            self._collected = None

    @contextmanager
    def expecting(self, subject: str) -> Generator[asyncio.Future[None]]:
        """A future that fails with `NotPermitted` when the server refuses a publish to the subject within the block."""
        key = subject.lower()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(key, set())
        waiting.add(future)
        try:
            yield future
        finally:
            future.cancel()
            waiting.discard(future)
            if not waiting:
                self._waiting.pop(key, None)

    def _explain(self, violation: Violation) -> str:
        who = f"the user {self._user!r}" if self._user else "this process's user"
        return (
            f"NATS does not permit {who} to {violation.described()}; give it the permissions of "
            "docs/nats-accounts.conf, or check HEADRACE_NATS_USER"
        )
