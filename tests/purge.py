"""Taking all records of some subjects out of the log at once, which no process of Headrace may do."""

from __future__ import annotations

from headrace.log import subjects
from headrace.log.connection import Log


async def purge(log: Log, subject: str, stream: str = subjects.STREAM) -> None:
    """Take every record of a subject, wildcards allowed, out of the log or of another stream."""
    await log.jetstream.request(f"STREAM.PURGE.{stream}", {"filter": subject})
