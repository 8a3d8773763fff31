"""Taking records out of the log: timers that must not fire any more, and queued tasks that no worker is to be given.

Records are deleted one by one. A purge would be one request for any number of them, so a process that may purge can empty the
log with a single wrong filter; the provisioner alone may do that, see `headrace.log.permissions`.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.jetstream import NO_RECORD

SUBJECTS_PAGE = 100_000  # subjects that the server names in one answer
WITHDRAWN_AT_ONCE = 100  # records; the server takes some milliseconds for them, in which appends have their turn


async def withdraw(log: Log, sequence: int) -> None:
    """Take one record out of the log, such as a queued task that was cancelled. A record that has left already is no error.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    await _delete(log, {"seq": sequence, "no_erase": True})


async def withdraw_all(log: Log, sequences: Sequence[int]) -> None:
    """Take many records out of the log, in this order as far as the server keeps to it. Those that have left already are no error.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses. Some of them may have left.
    """
    bodies = [b'{"seq":%d,"no_erase":true}' % sequence for sequence in sequences]
    operation = f"STREAM.MSG.DELETE.{subjects.STREAM}"
    for answer in await log.jetstream.call_each(operation, bodies, WITHDRAWN_AT_ONCE):
        if (error := answer.get("error")) and error.get("err_code") not in NO_RECORD:
            raise LogUnavailable(f"JetStream refused to withdraw a record: {error['description']}")


async def erase(log: Log, sequence: int) -> None:
    """Take one record out of the log and overwrite it on the disk. A record that has left already is no error.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    await _delete(log, {"seq": sequence})


async def withdraw_newest(log: Log, subject: str, before: int | None = None) -> None:
    """Take the newest record of one subject out of the log; for timers, of which a subject has one. None is no error.

    Args:
        log: The log.
        subject: The subject.
        before: Spare a record from this sequence on, which somebody else may have appended since.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    newest = await log.replayer.leading.last(subject)
    if newest and (before is None or newest < before):
        await withdraw(log, newest)


async def _delete(log: Log, body: dict[str, object]) -> None:
    answer = await log.jetstream.call(f"STREAM.MSG.DELETE.{subjects.STREAM}", body)
    if (error := answer.get("error")) and error.get("err_code") not in NO_RECORD:
        raise LogUnavailable(f"JetStream refused to withdraw {body['seq']}: {error['description']}")


async def subjects_present(log: Log, pattern: str) -> set[str]:
    """The subjects under which the log has a record, of those that match a pattern with wildcards.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    present: set[str] = set()
    while True:
        body = {"subjects_filter": pattern, "offset": len(present)}
        info = await log.jetstream.request(f"STREAM.INFO.{subjects.STREAM}", body)
        page: dict[str, int] = info["state"].get("subjects") or {}
        present |= page.keys()
        if len(page) < SUBJECTS_PAGE:
            return present
