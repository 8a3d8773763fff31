"""The settings that change at run time, in Postgres: read, replaced, and compared with what the processes were told."""

from __future__ import annotations

import asyncio

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.known_fields import decode_known
from headrace.contracts.run_time_settings import RunTimeSettings, SettingsVersion
from headrace.errors import HeadraceError
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.repeated import RepeatedWarning
from headrace.run_time_settings import UNCHANGED, CurrentSettings
from headrace.settings_errors import SettingsChanged
from headrace.store.identity_tables import RunTimeSettingsRow
from headrace.store.run_time_settings import find_newest_settings, insert_settings, list_newest_settings
from headrace.store.snapshot import Reads
from headrace.telemetry import get_logger

COMPARE_SECONDS = 60.0  # between two comparisons; a change is told at once, unless NATS was away

log = get_logger(__name__)


async def read_version(session: AsyncSession) -> SettingsVersion:
    """Read the version that holds."""
    row = await find_newest_settings(session)
    return UNCHANGED if row is None else _to_version(row)


def _to_version(row: RunTimeSettingsRow) -> SettingsVersion:
    settings = decode_known(row.document, RunTimeSettings)
    return SettingsVersion(version=row.version, at=row.at, by=row.by, settings=settings)


async def read_versions(session: Reads, limit: int) -> list[SettingsVersion]:
    """Read the last versions, the newest first. The one before the first change is among them, if they reach that far."""
    rows = await list_newest_settings(session, limit)
    versions = [_to_version(row) for row in rows]
    return versions if rows and rows[-1].version > 1 else [*versions, UNCHANGED]


async def add_version(session: AsyncSession, expected: int, by: str, settings: RunTimeSettings) -> SettingsVersion:
    """Add the version after the expected one, in a transaction of the caller.

    Raises:
        SettingsChanged: Another version holds than the expected one.
    """
    made = SettingsVersion(version=expected + 1, at=clock.now(), by=by, settings=settings)
    document = msgspec.json.encode(settings).decode()
    if not await insert_settings(
        session, RunTimeSettingsRow(version=made.version, at=made.at, by=by, document=document)
    ):
        raise SettingsChanged(
            f"version {expected} of the settings does not hold any more; read them again, then change them"
        )
    return made


async def keep_told(identity: IdentityDatabase, current: CurrentSettings) -> None:
    """Tell the processes what Postgres has and they were not told, until cancelled."""
    telling = RepeatedWarning(
        log, "settings that were changed cannot be told to all processes yet", "settings that were changed were told"
    )
    while True:
        try:
            async with identity.transaction() as session:
                newest = await read_version(session)
            if newest.at > current.version.at:
                await current.tell(newest)
            telling.end()
        except IdentityUnavailable:
            # It was logged where it was noticed.
            pass
        except (HeadraceError, msgspec.MsgspecError) as error:
            telling.note(str(error))
        await asyncio.sleep(COMPARE_SECONDS)
