"""How long the tasks of each kind waited and ran in the last hour, by the read model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from headrace.cli.terminal.output import note
from headrace.lag.percentiles import Percentiles, PercentilesReader, nothing_known
from headrace.settings import DatabaseSettings

SPAN = timedelta(hours=1)


def percentiles_reader(database: DatabaseSettings | None) -> PercentilesReader:
    """Return what reads the percentiles of all kinds. A read model that cannot be read is told once, and nothing is known then."""
    if database is None:
        return nothing_known
    told: set[str] = set()

    async def read() -> Mapping[str, Percentiles]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return await _read(database)
        except (OSError, SQLAlchemyError) as error:
            why = str(error).partition("\n")[0] or type(error).__name__
            if why not in told:
                note(f"how long tasks waited and ran is not known: Postgres cannot be read ({why})")
            told.add(why)
            return {}

    return read


async def _read(database: DatabaseSettings) -> Mapping[str, Percentiles]:
    # Only who has a read model waits for SQLAlchemy to be imported.
    from headrace.store.activity import read_kinds_since
    from headrace.store.engine import open_session

    async with open_session(database) as session:
        found = await read_kinds_since(session, datetime.now(UTC) - SPAN)
    return {
        kind: Percentiles(
            wait_p50=counts.wait.p50, wait_p95=counts.wait.p95, run_p50=counts.run.p50, run_p95=counts.run.p95
        )
        for kind, counts in found.items()
    }
