"""The `Idempotency-Key` header (IETF draft-ietf-httpapi-idempotency-key-header): the same key makes the same thing.

There is no table of keys. The id of the task derives from the owner and the key, and its first event is appended on condition
that the log has nothing of that id: a second first event is impossible. The header of the first event has a hash of the body,
which tells a repetition from a mistake. A key is remembered as long as the log keeps the events of the task, or its timer. Of a task
that has left the log early, the read model has the id and the hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Mapping

import msgspec

from headrace.api.edge.headers import read_headers
from headrace.api.edge.request import AnyRequest
from headrace.api.read_model import ReadModel
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import KEY_CHARS_MAX, Submission, TaskSummary
from headrace.errors import InvalidKey, KeyReused, LogUnavailable, ReadModelUnavailable, TaskDeleted
from headrace.lifecycle.long_timers import read_timer
from headrace.lifecycle.task_state import TaskState, read_task_state, state_from_timer
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.store import tasks as stored_tasks

REPLICA_CATCH_UP_SECONDS = 2.0  # within which a replica has what its leader has; usually it takes milliseconds
REPLICA_POLL_SECONDS = 0.01

_CHARACTERS = rf"[\x21\x23-\x7e]{{1,{KEY_CHARS_MAX}}}"
# The draft asks for quotes; most clients send none.
_KEY = re.compile(f'"({_CHARACTERS})"|({_CHARACTERS})')

_encode = msgspec.json.Encoder(order="sorted").encode


def read_key(request: AnyRequest) -> str | None:
    """Return the key of a request, None when it has none.

    Raises:
        InvalidKey: The key is empty or too long, or has characters that no key may have.
    """
    given = read_headers(request.scope).get(b"idempotency-key")
    if given is None:
        return None
    found = _KEY.fullmatch(given.decode("latin-1").strip())
    if found is None:
        message = f"an Idempotency-Key is 1 to {KEY_CHARS_MAX} visible ASCII characters without quotes, such as a UUID"
        raise InvalidKey(message, [FieldError(path="header Idempotency-Key", message=message)])
    return found[1] or found[2]


def derived_id(owner: str, key: str, what: str) -> str:
    """Return the id of the task or the batch that a key makes. ``what`` keeps the two apart for the same key."""
    digest = hashlib.sha256(f"{what}/{owner}/{key}".encode()).digest()
    # RFC 9562: version 5 is for ids that are made from a name.
    return str(uuid.UUID(bytes=digest[:16], version=5))


def body_hash(body: Submission) -> str:
    """Return a hash of a body. The order of its fields and the spaces between them do not change the hash."""
    said = msgspec.structs.asdict(body)
    # Without these the hash is what it was before there were any, so that a body that was sent then can be sent again.
    for name in ("labels", "results_of"):
        if not said[name]:
            del said[name]
    return hashlib.sha256(_encode(said)).hexdigest()[:32]


async def recall(
    log: Log, read_model: ReadModel, owner: str, task: str, body: Submission, *, refused: bool
) -> TaskSummary | None:
    """Return the task that a key has made before, in its present state; None when the key has made none.

    Args:
        log: The log.
        read_model: The read model.
        owner: The owner of the key.
        task: The id derived from the key.
        body: The body that came with the key now.
        refused: Whether the log has just refused a first event, so that it is known to have another one.

    Raises:
        KeyReused: The key came with another body before.
        TaskDeleted: The task was deleted since.
        LogUnavailable: JetStream does not answer, or the answering replica lags behind its leader for too long.
    """
    deadline = asyncio.get_running_loop().time() + REPLICA_CATCH_UP_SECONDS
    while True:
        found = await _find(log, read_model, owner, task, body)
        if found is not None or not refused:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise LogUnavailable("the log knows the key, and does not say yet what it has made; try again")
        await asyncio.sleep(REPLICA_POLL_SECONDS)


async def recall_dropped(
    log: Log, read_model: ReadModel, owner: str, task: str, body: Submission
) -> TaskSummary | None:
    """Return the task that a key has made before if it may have left the log early; None when no task has, or the key has made none.

    This is asked before a task is appended under a key. What leaves the log has been over for minutes, so a task that was not there
    cannot have come and gone between this answer and the append.

    Raises:
        KeyReused: The key came with another body before.
        TaskDeleted: The task was deleted since.
        LogUnavailable: JetStream does not answer.
        ReadModelUnavailable: Postgres cannot be reached, and nobody else knows which keys were used.
    """
    if not (await log.keep_current()).has_dropped:
        return None
    async with read_model.session() as session:
        found = await stored_tasks.find_summary_and_headers(session, owner, task)
    if found is None:
        return None
    # The log knows more of a task that it still has.
    known = await recall(log, read_model, owner, task, body, refused=False)
    if known is None:
        _check_hash(found.headers, body)
    return known or found.summary


async def was_in_log(log: Log, read_model: ReadModel, owner: str, task: str) -> bool:
    """Whether a task that the log does not have has left it early.

    Raises:
        LogUnavailable: JetStream does not answer.
        ReadModelUnavailable: Postgres cannot be reached.
    """
    if not (await log.keep_current()).has_dropped:
        return False
    async with read_model.session() as session:
        return bool(await stored_tasks.find_states(session, owner, [task]))


async def _find(log: Log, read_model: ReadModel, owner: str, task: str, body: Submission) -> TaskSummary | None:
    """Read a task from its events in the log; from its timer when the events have left the log before it is due."""
    # The timer is read first: when it fires in between, the events show what became of it.
    timer = await read_timer(log, owner, task)
    task_state = await read_task_state(log, owner, task)
    if task_state is not None:
        _check_same(task_state, body)
        if task_state.is_deleted:
            message = "the task that this Idempotency-Key has made was deleted; use a new key for a new submission"
            raise TaskDeleted(message, [FieldError(path="header Idempotency-Key", message=message)])
        return task_state.summarize(log.epoch)
    if timer is not None:
        task_state = state_from_timer(timer)
        _check_same(task_state, body)
        # The read model knows more than the timer does, such as when the task was submitted.
        return await _find_summary(read_model, owner, task) or task_state.summarize(log.epoch)
    return None


def _check_same(task_state: TaskState, body: Submission) -> None:
    _check_hash(task_state.newest_record.headers, body)


def _check_hash(headers: Mapping[str, str], body: Submission) -> None:
    if headers.get(subjects.BODY_HASH) != body_hash(body):
        message = "this Idempotency-Key was used with another body; use a new key for a new submission"
        raise KeyReused(message, [FieldError(path="header Idempotency-Key", message=message)])


async def _find_summary(read_model: ReadModel, owner: str, task: str) -> TaskSummary | None:
    """Read a task from the read model; None when it is not there, or when Postgres cannot be reached."""
    try:
        async with read_model.session() as session:
            found = await stored_tasks.find_summary_and_headers(session, owner, task)
    except ReadModelUnavailable:
        return None
    return None if found is None else found.summary
