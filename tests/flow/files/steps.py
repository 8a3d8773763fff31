"""Steps of tests about files."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
import msgspec

from headrace.contracts.files import FileRecord, content_key, record_key
from headrace.identity.principals import LOCAL
from tests.cluster import Cluster


def place_of_objects(cluster: Cluster) -> Path:
    return Path(urlsplit(cluster.environ["HEADRACE_OBJECTS_URL"]).path)


async def add_file(
    cluster: Cluster,
    id_: str,
    whole: bytes,
    *,
    owner: str = LOCAL,
    media_type: str = "text/plain",
    state: str = "ready",
) -> str:
    """Add a file as a complete upload leaves it."""
    record = FileRecord(
        id=id_,
        owner=owner,
        name="source.txt",
        media_type=media_type,
        size=len(whole),
        sha256=hashlib.sha256(whole).hexdigest(),
        created_at=datetime.now(UTC),
    )
    place = place_of_objects(cluster)
    content = place / content_key(owner, id_)
    content.parent.mkdir(parents=True)
    content.write_bytes(whole)
    (place / record_key(owner, id_)).write_bytes(msgspec.json.encode(record))
    connection: Any = await cast("Any", asyncpg).connect(cluster.database_url)
    try:
        await connection.execute(
            "INSERT INTO files (id, owner, name, media_type, size, sha256, state, created_at, ready_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now())",
            *(id_, owner, record.name, media_type, record.size, record.sha256, state),
        )
    finally:
        await connection.close()
    return id_


def read_stored(cluster: Cluster, file: str, owner: str = LOCAL) -> bytes:
    return (place_of_objects(cluster) / content_key(owner, file)).read_bytes()


def named(task: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The files of a task by their names, without what its worker has kept."""
    return {each["name"]: each for each in task["files"] if each["role"] is None}
