"""The page of one task, for whoever may see it: members their own, administrators everybody's."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec.structs import asdict, replace

from headrace.api.bff.absence import is_to_come
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.parts import Part, Reading
from headrace.api.bff.rows import task_rows
from headrace.api.bff.value_parts import stored_part
from headrace.api.edge.request import AnyRequest, task_id
from headrace.api.kept_output import join_chunks, join_lines, read_kept_chunks, read_kept_lines
from headrace.api.state import ApiState, state_of
from headrace.api.task_output import Chunks, Lines, first_start, has_whole_output, read_chunks, read_lines
from headrace.api.waiting.gather import read_waiting
from headrace.contracts.attempts import Attempt
from headrace.contracts.fingerprints import fingerprint
from headrace.contracts.kept_output import KeptChunks, KeptLine
from headrace.contracts.kinds import KindDescription
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.task_detail import (
    Around,
    DetailError,
    DetailFile,
    Siblings,
    TaskDetail,
    TaskDetailV1,
    TimelineItem,
)
from headrace.contracts.tasks import FileRole, State, StoredFile, Task, TimelineEntry
from headrace.contracts.waiting import Waiting
from headrace.errors import LogUnavailable, ReadModelBehind, TaskNotFound, UnknownKind
from headrace.lifecycle.attempts import fold_attempts
from headrace.log import subjects
from headrace.media_types import is_shown
from headrace.store.batches import find_batch
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY
from headrace.store.task_detail import find_neighbours_in_batch, find_neighbours_of_kind, find_task
from headrace.store.tasks import list_timeline

TASK_SECONDS = 0.1  # for which lines and chunks wait for the row of their task, which says whether some were kept
INDEX_DIGITS_MAX = 8  # of the number of an input in its batch


async def show_task_detail(
    request: AnyRequest, owner: str | None, task: str, at_least: str | None
) -> Response[TaskDetailV1]:
    """Answer a request with the page of a task.

    Args:
        request: The request.
        owner: Whose task it has to be; None for administrators, who may see everybody's.
        task: Its id, as the path has it.
        at_least: The position that the request asks for.

    Raises:
        TaskNotFound: There is no such task, or it belongs to somebody else.
    """
    api, found_id = state_of(request), task_id(task)
    reader = _TaskReader(api, owner, found_id)
    lines = Part("log", partial(_read_lines, api, reader, owner, found_id))
    chunks = Part("output", partial(_read_chunks, api, reader, owner, found_id))
    source = FromReadModel(api, *reader.readings, at_least=at_least)

    def build(composed: Composed) -> TaskDetailV1:
        return _build(api, composed, reader, lines, chunks)

    return await api.screens.show(request, TaskDetailV1, build, source, lines, chunks)


async def _read_lines(api: ApiState, reader: _TaskReader, owner: str | None, task: str) -> tuple[Lines, list[KeptLine]]:
    found = await read_lines(api.log, owner, task)
    return found, await read_kept_lines(api.files.objects, await reader.find_soon())


async def _read_chunks(
    api: ApiState, reader: _TaskReader, owner: str | None, task: str
) -> tuple[Chunks, list[KeptChunks]]:
    found = await read_chunks(api.log, owner, task)
    return found, await read_kept_chunks(api.files.objects, await reader.find_soon())


class _TaskReader:
    """The parts of one task from the read model, read one after the other; the first finds the task."""

    def __init__(self, api: ApiState, owner: str | None, task: str) -> None:
        self._api = api
        self._owner = owner
        self._id = task
        self._found: Task | None = None
        self._is_read = asyncio.Event()
        self._timeline: list[TimelineEntry] = []
        self.task = Reading("task", self._read_task)
        self.timeline = Reading("timeline", self._read_timeline)
        self.attempts = Reading("attempts", self._read_attempts)
        self.around = Reading("around", self._read_around)
        self.siblings = Reading("siblings", self._read_siblings)
        self.waiting = Reading("waiting", self._read_waiting)
        # Why it waits comes last, because the log is asked for it.
        self.readings: list[Reading[Any]] = [
            *(self.task, self.timeline, self.attempts, self.around, self.siblings, self.waiting)
        ]

    @property
    def read_task(self) -> Task | None:
        """The task, when it was read."""
        return self._found

    async def find_soon(self) -> Task | None:
        """Wait a moment for the task; None when there is none, or it is not read in time. The screen is not kept waiting for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TASK_SECONDS):
                await self._is_read.wait()
        return self._found

    @property
    def _task(self) -> Task:
        if self._found is None:
            raise TaskNotFound(f"there is no task {self._id!r}")
        return self._found

    @property
    def _index(self) -> int | None:
        """Which input of its batch the task has: its id says it, see `headrace.lifecycle.new_batch`."""
        batch, _, index = self._id.rpartition("-")
        is_index = index.isascii() and index.isdecimal() and len(index) < INDEX_DIGITS_MAX
        return int(index) if is_index and batch == self._task.batch else None

    async def _read_task(self, session: Reads) -> TaskDetail:
        try:
            self._found = found = await find_task(session, self._owner or EVERYBODY, self._id)
        finally:
            self._is_read.set()
        if found is None:
            await self._explain_absence(session)
            raise TaskNotFound(f"there is no task {self._id!r}")
        (row,) = await task_rows(session, [found], show_owners=self._owner is None)
        fields = asdict(row)
        fields["error"] = _error_of(found)
        result = bytes(found.result) if found.state is State.SUCCEEDED else None
        return TaskDetail(
            **fields,
            input=stored_part(bytes(found.input), found.files, FileRole.INPUT),
            result=stored_part(result, found.files, FileRole.RESULT),
            runs=1,
        )

    async def _explain_absence(self, session: Reads) -> None:
        """Say so when the log has the task, but not the read model.

        Raises:
            ReadModelBehind: It will be there in a moment.
            LogUnavailable: It may be there in a moment.
        """
        if await is_to_come(self._api.log, session, subjects.task_events(self._owner or "*", self._id, event="*")):
            raise ReadModelBehind(
                "the task was accepted a moment ago, and is shown as soon as it can be read; try again"
            )

    async def _read_timeline(self, session: Reads) -> list[TimelineItem]:
        self._timeline = await list_timeline(session, self._id)
        return [TimelineItem(**asdict(each) | {"data": msgspec.json.decode(each.data)}) for each in self._timeline]

    async def _read_attempts(self, _session: Reads) -> list[Attempt]:
        return fold_attempts(self._timeline).attempts

    async def _read_around(self, session: Reads) -> Around:
        index = self._index
        if index is not None:
            found = await find_neighbours_in_batch(session, self._task, index)
        else:
            found = await find_neighbours_of_kind(session, self._task)
        return Around(newer=found.newer, older=found.older)

    async def _read_siblings(self, session: Reads) -> Siblings | None:
        index, batch = self._index, self._task.batch
        if index is None or batch is None:
            return None
        found = await find_batch(session, self._task.owner, batch)
        return None if found is None else Siblings(batch=Ref(id=batch, name=found.name), index=index, total=found.total)

    async def _read_waiting(self, session: Reads) -> Waiting | None:
        return await read_waiting(self._api, session, self._task)


def _build(
    api: ApiState,
    composed: Composed,
    reader: _TaskReader,
    lines: Part[tuple[Lines, list[KeptLine]]],
    chunks: Part[tuple[Chunks, list[KeptChunks]]],
) -> TaskDetailV1:
    task, attempts = composed.value(reader.task), composed.value(reader.attempts)
    timeline, written, streamed = composed.value(reader.timeline), composed.value(lines), composed.value(chunks)
    kind = None if task is None else _describe(api, task.kind)
    is_whole = has_whole_output(api.log, attempts, first_start(timeline), composed.at)
    read = reader.read_task
    if task is not None and attempts:
        task = replace(task, runs=attempts[-1].run)
    return TaskDetailV1(
        **composed.envelope,
        task=task,
        input_schema=None if kind is None else kind.input_schema,
        result_schema=None if kind is None else kind.result_schema,
        waiting=composed.value(reader.waiting),
        attempts=attempts,
        timeline=timeline,
        log=None if written is None else join_lines(written[1], written[0], read, log_is_whole=is_whole),
        output=None if streamed is None else join_chunks(streamed[1], streamed[0], read, log_is_whole=is_whole),
        files=None if read is None else [_file(each) for each in read.files if each.role is None],
        around=composed.value(reader.around),
        siblings=composed.value(reader.siblings),
    )


def _error_of(task: Task) -> DetailError | None:
    if task.error is None:
        return None
    has_failed = task.state is State.FAILED
    alike = fingerprint(task.kind, task.error.code, task.error.message) if has_failed else None
    return DetailError(**asdict(task.error), fingerprint=alike)


def _file(file: StoredFile) -> DetailFile:
    # Only the first bytes of a file tell for certain, and whoever sends it looks at them.
    inline = is_shown(file.media_type, b"")
    return DetailFile(id=file.id, name=file.name, media_type=file.media_type, size=file.size, inline=inline)


def _describe(api: ApiState, kind: str) -> KindDescription | None:
    try:
        return api.catalog.describe(kind)
    except (UnknownKind, LogUnavailable):
        # The page shows the values of such a kind as JSON.
        return None
