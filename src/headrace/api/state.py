"""The parts of one API process. Each is opened once, when the process starts."""

from __future__ import annotations

from functools import partial
from typing import cast

from headrace.api.auth.account_passwords import AccountPasswords
from headrace.api.auth.accounts import Accounts
from headrace.api.auth.api_keys import ApiKeys
from headrace.api.auth.audit_bounds import FailureBudget, Looks
from headrace.api.auth.counters import Counters
from headrace.api.auth.credentials import Credentials
from headrace.api.auth.last_used import LastUsed
from headrace.api.auth.limits import Limits
from headrace.api.auth.revocations import Revocations
from headrace.api.auth.session_tokens import AccessTokenVerifier
from headrace.api.auth.sessions import Sessions
from headrace.api.bff.screens import Screens
from headrace.api.bff.status import status_service
from headrace.api.capacity import Capacity
from headrace.api.edge.request import AnyRequest
from headrace.api.edge.request_body import OpenBodies
from headrace.api.edge.upload_room import UploadRoom
from headrace.api.ended_schedules import end_schedules
from headrace.api.files.shelf import FileShelf
from headrace.api.gauges import Gauges
from headrace.api.hints.gauges import GaugeHints
from headrace.api.hints.hints import Hints
from headrace.api.hints.kinds import KindHints
from headrace.api.hints.telling import HintTelling
from headrace.api.identity_database import IdentityDatabase
from headrace.api.metrics import ApiMetrics
from headrace.api.pauses import Pauses
from headrace.api.processes import Processes, StreamTelling
from headrace.api.read_model import ReadModel
from headrace.api.schedule_lock import ScheduleLock
from headrace.api.streaming.hub import Hub
from headrace.api.streaming.open_streams import OpenStreams
from headrace.api.streaming.places import Places
from headrace.api.streaming.shared_places import SharedPlaces
from headrace.api.streaming.viewer import Viewer, bye_reason
from headrace.api.turns import Turns
from headrace.catalog import Catalog
from headrace.contracts.frames import ByeReason
from headrace.errors import TooManyDeletions
from headrace.identity.access_tokens import AccessTokens
from headrace.identity.follow_tokens import FollowTokens
from headrace.identity.passwords import Passwords
from headrace.identity.revocations import Change
from headrace.identity.secrets import Secrets
from headrace.identity_errors import SecretsMissing
from headrace.lifecycle.long_timers import LongTimers
from headrace.log.connection import Log
from headrace.operations.answers import Operations
from headrace.run_time_settings import CurrentSettings
from headrace.settings import ApiSettings, Settings

SPOOLED_BYTES_MAX = 1 << 30  # of the batches that are being uploaded, on the disk: two of the largest, or many others
DELETIONS_AT_A_TIME = 4  # each takes one of the ten connections to Postgres, three times
DELETIONS_WAITING_MAX = 500  # which run and wait; one takes some ten milliseconds


class ApiState:
    """The log, the read model, the hub, the open streams and the other parts that the routes share.

    A route takes this container and hands on the part that is needed.

    Raises:
        SecretsMissing: HEADRACE_API_SECRETS is not set.
    """

    def __init__(
        self, log: Log, settings: Settings, read_model: ReadModel, identity: IdentityDatabase, operations: Operations
    ) -> None:
        self.log, self.read_model, self.identity = log, read_model, identity
        self.operations = operations
        self.schedule_lock = ScheduleLock(log, read_model)
        self.capacity = Capacity(log, settings.stream.max_bytes)
        self.catalog = Catalog(log)
        self.current, self.long_timers = CurrentSettings(log), LongTimers(log)
        self.metrics, self.bodies = ApiMetrics(), OpenBodies()
        self.uploads = UploadRoom(SPOOLED_BYTES_MAX)
        self.hub = Hub(log, self.metrics.streams)
        telling = HintTelling(log)
        self.pauses, self.gauges = Pauses(log, telling), Gauges(log)
        self.secrets, self.revocations = read_secrets(settings.api), Revocations(log)
        access_tokens = AccessTokens(self.secrets)
        verifiers = (ApiKeys(self.secrets, identity), AccessTokenVerifier(access_tokens))
        self.credentials = Credentials(verifiers, self.revocations.is_good)
        self.last_used = LastUsed(identity)
        self.counters = Counters(log, self.secrets.hash)
        self.limits = Limits(settings.limits, self.counters)
        self.streams = OpenStreams(self.metrics.streams, self._why_not, Places(self.limits.streams_of))
        self.shared_places = SharedPlaces(log, self.streams.places)
        self.processes = Processes(log, StreamTelling(self.metrics.streams, self.streams).details)
        self.hints = self._make_hints()
        self.revocations.on_change(self._on_change)
        self.looks, self.failed_sign_ins = Looks(), FailureBudget()
        self.deletions = Turns(DELETIONS_AT_A_TIME, DELETIONS_WAITING_MAX, _too_many_deletions)
        self.passwords = Passwords()
        tell_user, tell_sessions = self.revocations.note_user_changed, self.revocations.note_session_revoked
        self.sessions = Sessions(self.secrets, access_tokens, identity, self.passwords, tell_sessions)
        end = partial(end_schedules, log, identity)
        self.accounts = Accounts(identity, self.passwords, tell_user, tell_sessions, end, telling.tell_user)
        self.account_passwords = AccountPasswords(self.secrets, identity, self.passwords, tell_sessions)
        self.follow_tokens = FollowTokens(_split(settings.api.follow_secrets))
        self.screens = Screens(log, status_service(settings.api))
        self.public_url = (settings.api.public_url or "").rstrip("/")
        self.files = FileShelf(settings.objects, self.secrets, identity)
        self.file_origins: tuple[str, ...] = ()

    def _make_hints(self) -> Hints:
        kinds = KindHints(self.log, self.catalog, self.pauses)
        gauges = GaugeHints(self.gauges, self.streams.__len__)
        return Hints(self.log, self.read_model, kinds, gauges)

    async def open(self) -> None:
        """Load what others have written to NATS, and follow it from now on.

        Raises:
            LogUnavailable: NATS does not answer.
        """
        await self.catalog.open()
        await self.revocations.open()
        await self.counters.open()
        await self.shared_places.open()
        await self.processes.open()
        await self.current.open()
        self.current.on_change(self.limits.change)
        self.file_origins = await self.files.find_origins()

    async def close(self) -> None:
        """Close what is no part of the log and of the databases."""
        self.revocations.close()
        self.files.close()
        await self.screens.close()

    def _on_change(self, change: Change) -> None:
        """Take away what a credential or a user had here."""
        if change.credential is not None:
            self.credentials.forget_credential(change.credential)
        else:
            self.credentials.forget(change.ends)
        self.streams.on_change(change)

    def _why_not(self, viewer: Viewer) -> ByeReason | None:
        """Return what is known to have taken away a viewer's right to see a stream."""
        if viewer.principal is None:
            return None if self.revocations.is_active(viewer.account) else ByeReason.DISABLED
        change = self.revocations.find_end_of(viewer.principal)
        return None if change is None else bye_reason(change)


def state_of(request: AnyRequest) -> ApiState:
    """Return the state of the process that serves a request."""
    return cast("ApiState", request.app.state["api"])


def read_secrets(settings: ApiSettings) -> Secrets:
    """Return the secrets with which credentials are verified.

    Raises:
        SecretsMissing: HEADRACE_API_SECRETS is not set.
    """
    if not settings.secrets:
        raise SecretsMissing(
            "HEADRACE_API_SECRETS is not set, and without it nobody can sign in: give every API process the same; "
            "`headrace secret` makes one"
        )
    return Secrets(_split(settings.secrets))


def _split(secrets: str | None) -> list[str]:
    return secrets.split(",") if secrets else []


def _too_many_deletions() -> TooManyDeletions:
    return TooManyDeletions("too many tasks are being deleted at the moment; try again in a few seconds")
