"""Revocations, told to every API process through a bucket of NATS, also while Postgres is away.

A process that changed something in Postgres notes it here after the commit. Every process follows the bucket, and ends what it
knows of the credential or the user: verified credentials are forgotten, and streams end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

from headrace.contracts.identity import Role, UserState
from headrace.errors import HeadraceError
from headrace.identity.principals import Principal
from headrace.identity.revocations import Change, KnownRevocations, UserChanged
from headrace.log import bucket_names, clock
from headrace.log.buckets import Entry, follow_bucket
from headrace.log.connection import Log
from headrace.store.recent_changes import ChangedUser
from headrace.telemetry import get_logger

WAIT_SECONDS = 2.0  # for which whoever notes something waits until NATS has it; it is sent later otherwise
RETRY_SECONDS = 0.5

log = get_logger(__name__)


class Revocations:
    """What this process knows of revoked credentials and changed users, and how it tells the others.

    Args:
        event_log: The log, beside which the bucket is.
    """

    def __init__(self, event_log: Log) -> None:
        self._log = event_log
        self._known = KnownRevocations()
        self._callbacks: list[Callable[[Change], None]] = []
        # By subject, in the order in which they are sent.
        self._unsent: dict[str, bytes] = {}
        self._sending: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Load what was revoked in the last day, and follow the changes from now on.

        Raises:
            LogUnavailable: The bucket cannot be read.
        """
        await follow_bucket(self._log, bucket_names.IDENTITY_STREAM, bucket_names.IDENTITY_ENTRIES, self._on_entry)

    def close(self) -> None:
        """Stop sending. The other processes find what NATS does not have yet in Postgres, see `missed_revocations`."""
        if self._unsent:
            log.error("revocations were not told to the other processes", count=len(self._unsent))
        if self._sending is not None:
            self._sending.cancel()

    def is_good(self, principal: Principal) -> bool:
        """Tell whether nothing is known that would end a principal."""
        return self._known.is_good(principal)

    def find_end_of(self, principal: Principal) -> Change | None:
        """Return the known change that ended a principal; None when it is good as far as is known."""
        return self._known.find_end_of(principal)

    def is_active(self, user: str) -> bool:
        """Tell whether a user was not made inactive in the last day, so that its follow links, which are younger, hold."""
        return self._known.is_active(user)

    def on_change(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Have ``callback`` called with every change that this process makes or is told, each once, in the event loop.

        Returns:
            A function that takes the callback back.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    async def note_key_revoked(self, *keys: str) -> None:
        """End keys here at once, and tell the other processes. Called after the commit in Postgres."""
        await self._note_revoked([f"key:{key}" for key in keys])

    async def note_session_revoked(self, *sessions: str) -> None:
        """End sessions here at once, and tell the other processes. Called after the commit in Postgres."""
        await self._note_revoked([f"session:{session}" for session in sessions])

    async def note_user_changed(self, user: str, role: Role, state: UserState) -> None:
        """End here at once what a user has that was verified with another role or state, and tell the other processes.

        Called after the commit in Postgres. A user that was deleted is told as disabled.
        """
        changed = UserChanged(state, role, clock.now().timestamp())
        self._tell(self._known.learn_user(user, changed))
        await self._send_all(dict([_entry_of_user(user, changed)]))

    async def note_missed(
        self, keys: Sequence[str], sessions: Sequence[str], users: Sequence[ChangedUser], at: float
    ) -> int:
        """End here what Postgres says is over and was not known, and tell the other processes.

        Args:
            keys: Keys that were revoked.
            sessions: Sessions that were ended.
            users: Users that were changed, as they are now.
            at: When Postgres was asked, in seconds since 1970. What was noted about a user after that is newer.

        Returns:
            How much of this was not known.
        """
        entries: dict[str, bytes] = {}
        for credential in (*map("key:{}".format, keys), *map("session:{}".format, sessions)):
            if (change := self._known.learn_revoked(credential, at)) is not None:
                self._tell(change)
                entries.update([_entry_of_credential(credential, at)])
        for user, role, state in users:
            changed = UserChanged(state, role, at)
            if not self._known.is_as(user, changed) and (change := self._known.learn_user(user, changed)) is not None:
                self._tell(change)
                entries.update([_entry_of_user(user, changed)])
        await self._send_all(entries)
        return len(entries)

    async def _note_revoked(self, credentials: Iterable[str]) -> None:
        at = clock.now().timestamp()
        entries: dict[str, bytes] = {}
        for credential in credentials:
            self._tell(self._known.learn_revoked(credential, at))
            entries.update([_entry_of_credential(credential, at)])
        await self._send_all(entries)

    async def _send_all(self, entries: dict[str, bytes]) -> None:
        """Have entries sent, and wait for it a moment; they are sent as soon as NATS takes them."""
        for subject, value in entries.items():
            # What is newer about a user goes behind what waits already.
            self._unsent.pop(subject, None)
            self._unsent[subject] = value
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(), name="tell revocations")
        await asyncio.wait({self._sending}, timeout=WAIT_SECONDS)

    async def _send(self) -> None:
        """Send what is unsent, one entry after the other, so that of two about one user the newer one stays."""
        is_late = False
        while self._unsent:
            subject, value = next(iter(self._unsent.items()))
            try:
                await self._log.appender.append(subject, value, {})
            except HeadraceError as error:
                if not is_late:
                    log.warning("a revocation cannot be told to the other processes yet", error=error.message)
                is_late = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if self._unsent.get(subject) is value:
                    del self._unsent[subject]
        if is_late:
            log.info("all revocations were told to the other processes")

    def _on_entry(self, entry: Entry) -> None:
        subject, value, at, _ = entry
        try:
            match bucket_names.key_of_entry(subject):
                case ["revoked", ("key" | "session") as kind, id_]:
                    self._tell(self._known.learn_revoked(f"{kind}:{id_}", at.timestamp()))
                case ["user", user]:
                    self._tell(self._known.learn_user(user, _decoder.decode(value)))
                case _:
                    log.error("an entry about identity is not known here", subject=subject)
        except msgspec.MsgspecError as error:
            log.error("an entry about identity cannot be read", subject=subject, error=str(error))

    def _tell(self, change: Change | None) -> None:
        if change is not None:
            for callback in tuple(self._callbacks):
                callback(change)


def _entry_of_credential(credential: str, at: float) -> tuple[str, bytes]:
    kind, _, id_ = credential.partition(":")
    return bucket_names.revoked(kind, id_), msgspec.json.encode({"at": at})


def _entry_of_user(user: str, changed: UserChanged) -> tuple[str, bytes]:
    return bucket_names.changed_user(user), msgspec.json.encode(changed)


_decoder = msgspec.json.Decoder(UserChanged)
