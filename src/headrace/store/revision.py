"""The revision of a database: whether it has every migration that this version of Headrace needs.

The projector starts in half a second, and Alembic alone would take longer to import, so the revisions are read off the names of the
migrations' files.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import cast

import asyncpg

HAS_REVISION = "SELECT to_regclass('alembic_version') IS NOT NULL"
REVISION = "SELECT version_num FROM alembic_version"


async def find_gap_by_driver(connection: asyncpg.Connection) -> str | None:
    """Say what the database lacks, asked on a connection of the driver; see `describe_gap`.

    Raises:
        OSError: Postgres cannot be reached.
        asyncpg.PostgresError: Postgres refuses.
    """
    if not cast("bool", await connection.fetchval(HAS_REVISION)):
        return describe_gap(None)
    return describe_gap(cast("str | None", await connection.fetchval(REVISION)))


def describe_gap(revision: str | None) -> str | None:
    """Say what a database of a revision lacks and what to do about it; None when this version of Headrace can use it.

    A revision that is not known here belongs to a newer version, as during a deploy. Its tables have what this one needs.
    """
    *older, needed = revisions()
    if revision is not None and revision not in older:
        return None
    has = "no revision" if revision is None else f"revision {revision}"
    return f"the database has {has}, and this version needs {needed}: run `headrace migrate`"


def is_newer(revision: str) -> bool:
    """Whether a revision is one of a newer version of Headrace: four digits, more than those that this version knows."""
    return len(revision) == 4 and revision.isdecimal() and revision > revisions()[-1]


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions of all migrations, the newest one last."""
    return tuple(sorted(each.name.partition("_")[0] for each in (migrations() / "versions").glob("[0-9]*_*.py")))


def migrations() -> Path:
    """Return the directory of the migrations."""
    package = Path(__file__).parents[1]
    # A wheel has the migrations inside the package, a checkout at its top.
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"
