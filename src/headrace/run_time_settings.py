"""The settings that change at run time, as each process has them.

Postgres has every version. The newest one is also in a key-value bucket, which every process follows: it has a change within
moments, and knows the settings when it starts without Postgres.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from headrace.contracts.known_fields import decode_known
from headrace.contracts.problems import FieldError
from headrace.contracts.run_time_settings import RunTimeSettings, SettingsVersion
from headrace.log import bucket_names
from headrace.log.buckets import Entry, follow_bucket
from headrace.log.connection import Log
from headrace.settings_errors import KindDisabled, RegistrationClosed
from headrace.telemetry import get_logger

UNCHANGED = SettingsVersion(version=0, at=datetime.fromtimestamp(0, UTC), by="", settings=RunTimeSettings())

log = get_logger(__name__)


class CurrentSettings:
    """The version that holds, as far as this process knows.

    Attributes:
        version: The version.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.version = UNCHANGED
        self._disabled_kinds: frozenset[str] = frozenset()
        self._callbacks: list[Callable[[RunTimeSettings], None]] = []

    @property
    def values(self) -> RunTimeSettings:
        """The settings."""
        return self.version.settings

    async def open(self) -> None:
        """Load the settings, and follow their changes from now on.

        Raises:
            LogUnavailable: The bucket cannot be read.
        """
        await follow_bucket(self._log, bucket_names.SETTINGS_STREAM, bucket_names.SETTINGS_ENTRIES, self._on_entry)

    def on_change(self, callback: Callable[[RunTimeSettings], None]) -> None:
        """Have ``callback`` called with the settings now, and whenever they change."""
        self._callbacks.append(callback)
        callback(self.values)

    def is_enabled(self, kind: str) -> bool:
        """Return whether a kind may be submitted."""
        return kind not in self._disabled_kinds

    def check_kind(self, kind: str) -> None:
        """Let a submission of a kind pass.

        Raises:
            KindDisabled: An administrator has disabled the kind.
        """
        if not self.is_enabled(kind):
            message = f"kind {kind!r} is disabled at the moment; an administrator can enable it again"
            raise KindDisabled(message, [FieldError(path="/kind", message="this kind is disabled")])

    def check_registration(self) -> None:
        """Let a registration pass.

        Raises:
            RegistrationClosed: An administrator has closed it.
        """
        if self.values.registration == "closed":
            raise RegistrationClosed("nobody may register here at the moment; ask an administrator for an account")

    def learn(self, version: SettingsVersion) -> None:
        """Take a version for the one that holds, unless a newer one is known."""
        # The time decides: after Postgres was restored from a copy, a number may be used again.
        if version.at <= self.version.at:
            return
        self.version = version
        self._disabled_kinds = frozenset(version.settings.disabled_kinds)
        for callback in self._callbacks:
            callback(version.settings)

    async def tell(self, version: SettingsVersion) -> None:
        """Take a version for the one that holds, and tell it to all processes.

        Raises:
            LogUnavailable: NATS does not answer. The others are told by `headrace.api.settings_watch`.
        """
        self.learn(version)
        await self._log.appender.append(bucket_names.CURRENT_SETTINGS, msgspec.json.encode(version), {})

    def _on_entry(self, entry: Entry) -> None:
        try:
            self.learn(decode_known(entry.value, SettingsVersion))
        except msgspec.MsgspecError as error:
            # A later version of this software may know other values of a setting; what holds here stays.
            log.error("the settings that were changed cannot be read here", error=str(error))
