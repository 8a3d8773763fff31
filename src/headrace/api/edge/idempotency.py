"""The `Idempotency-Key` header (IETF draft-ietf-httpapi-idempotency-key-header): the same key makes the same thing.

There is no table of keys. An id derived from the owner and the key, and an append on condition that nothing of that id is in
the log, make a second first event impossible; a hash of the body in a header of the first tells a repetition from a mistake.
A key is remembered for as long as the log keeps what it made, or the timer of what it made.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid

import msgspec

from headrace.api.edge.request import AnyRequest
from headrace.api.read_model import ReadModel
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import TaskSummary
from headrace.errors import InvalidKey, KeyReused, LogUnavailable, ReadModelUnavailable
from headrace.lifecycle.long_timers import read_timer
from headrace.lifecycle.task_state import TaskState, read_task_state, state_from_timer
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.store import tasks as stored_tasks

KEY_CHARS_MAX = 255
SETTLED_SECONDS = 2.0  # until a log of several copies has what it has refused another for; usually it is milliseconds
LOOK_SECONDS = 0.01

_CHARACTERS = rf"[\x21\x23-\x7e]{{1,{KEY_CHARS_MAX}}}"
_KEY = re.compile(f'"({_CHARACTERS})"|({_CHARACTERS})')  # with or without the quotes that the draft asks for

_encode = msgspec.json.Encoder(order="sorted").encode


def read_key(request: AnyRequest) -> str | None:
    """The key of a request, None when it has none.

    Raises:
        InvalidKey: it is empty, too long, or has characters that no key has.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return None
    found = _KEY.fullmatch(given.strip())
    if found is None:
        message = f"an Idempotency-Key is 1 to {KEY_CHARS_MAX} visible ASCII characters without quotes, such as a UUID"
        raise InvalidKey(message, [FieldError(path="header Idempotency-Key", message=message)])
    return found[1] or found[2]


def derived_id(owner: str, key: str, what: str) -> str:
    """The id of what a key makes; ``what`` keeps a task and a batch of the same key apart."""
    digest = hashlib.sha256(f"{what}/{owner}/{key}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))  # RFC 9562: the version for what is made from a name


def body_hash(body: object) -> str:
    """What tells two bodies apart, whatever the order of their fields and the spaces in between."""
    return hashlib.sha256(_encode(body)).hexdigest()[:32]


async def recall(
    log: Log, read_model: ReadModel, owner: str, task: str, body: object, *, refused: bool
) -> TaskSummary | None:
    """The task that a key has made, as it stands; None when it has made none.

    Args:
        log: The log.
        read_model: The read model.
        owner: Whose key.
        task: The id derived from it.
        body: What came with it now.
        refused: Whether the log has just refused another first event, so that there is something.

    Raises:
        KeyReused: the key came with another body.
        LogUnavailable: the log does not answer, or does not have yet what it has refused another for.
    """
    deadline = asyncio.get_running_loop().time() + SETTLED_SECONDS
    while True:
        timer = await read_timer(log, owner, task)
        task_state = await read_task_state(log, owner, task)
        if task_state is not None:
            _check_same(task_state, body)
            return task_state.summarize(log.epoch)
        if timer is not None:
            task_state = state_from_timer(timer)
            _check_same(task_state, body)
            return await _read(read_model, owner, task) or task_state.summarize(log.epoch)
        if not refused:
            return None
        if asyncio.get_running_loop().time() > deadline:
            raise LogUnavailable("the log knows the key, and does not say yet what it has made; try again")
        await asyncio.sleep(LOOK_SECONDS)


def _check_same(task_state: TaskState, body: object) -> None:
    if task_state.newest_record.headers.get(subjects.BODY_HASH) != body_hash(body):
        message = "this Idempotency-Key was used with another body; use a new key for a new submission"
        raise KeyReused(message, [FieldError(path="header Idempotency-Key", message=message)])


async def _read(read_model: ReadModel, owner: str, task: str) -> TaskSummary | None:
    """What the read model knows, which is more than the timer does; None when it cannot be asked."""
    try:
        async with read_model.session() as session:
            found = await stored_tasks.find_summary_and_headers(session, owner, task)
    except ReadModelUnavailable:
        return None
    return None if found is None else found.summary
