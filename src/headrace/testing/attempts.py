"""The attempts of a task of a test: the runner of a worker, with a log that keeps what is appended in memory."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from headrace.contracts.events import Event, EventName, Queued, Stored, encode
from headrace.contracts.positions import Position
from headrace.log.append import Appended
from headrace.log.deliveries import Acknowledger, Delivery
from headrace.log.subjects import TaskSubject
from headrace.objects import open_objects
from headrace.sdk.kind import AnyKind
from headrace.settings import Settings
from headrace.settings.object_storage import ObjectsSettings
from headrace.testing.files import OWNER, RecordedFiles
from headrace.testing.run import Ran
from headrace.worker.event_writer import EventWriter
from headrace.worker.execution import Execution
from headrace.worker.file_store import FileStore, read_path
from headrace.worker.handler_threads import HandlerThreads
from headrace.worker.heartbeats import Heartbeats
from headrace.worker.invoke import Pool
from headrace.worker.left_overs import LeftOvers
from headrace.worker.metrics import WorkerMetrics
from headrace.worker.outcomes import Ending, Retrying, Succeeded, to_error, to_event
from headrace.worker.process_pool import ProcessPool
from headrace.worker.quarantine import Quarantine
from headrace.worker.rate import Rate
from headrace.worker.run import Runner
from headrace.worker.running_record import RunningRecord
from headrace.worker.scratch import Scratch

TASK = "task"  # the id of every task of a test
WORKER = "test"


async def run_attempts(ran: Ran[Any], raw: bytes, max_attempts: int | None) -> None:
    """Run attempts until one ends the task, and write what happens into ``ran``."""
    with tempfile.TemporaryDirectory(prefix="headrace-test-") as place:
        store = _open_store(Path(place))
        await _upload(ran.files, store)
        events = _Events(ran)
        async with _runner(ran.kind, events, store, Path(place)) as runner:
            while events.ending is None:
                ran.attempts += 1
                queued = Queued(attempt=ran.attempts, fence=0, input=msgspec.Raw(raw), max_attempts=max_attempts)
                ran.events.append(queued)
                execution = Execution(ran.kind, _delivery(ran.kind, queued))
                # A task of its own, as in a worker: what is bound to its context is not bound to that of the test.
                await asyncio.create_task(runner.run_task(execution, seen_before=False), name="run task")
                assert events.ending is not None or len(ran.waits) == ran.attempts, "an attempt has an outcome"
        await _download(ran.files, store, ran.events, Path(place))
        match events.ending:
            case Succeeded(_, stored) if stored is not None:
                ran.raw_result = await store.read_value(OWNER, stored)
            case Succeeded(result):
                ran.raw_result = result
            case failed:
                ran.error = to_error(failed)


class _Events(EventWriter):
    """Keeps what a worker appends, and how the task ends."""

    def __init__(self, ran: Ran[Any]) -> None:
        super().__init__(cast("Any", None), WORKER)
        self.ending: Ending | None = None
        self._ran = ran

    async def append_nowait(self, execution: Execution, name: EventName, event: Event) -> None:
        self._ran.events.append(event)

    async def append(self, execution: Execution, name: EventName, event: Event) -> Position:
        self._ran.events.append(event)
        return Position(0, len(self._ran.events))

    async def append_outcome(self, execution: Execution, outcome: Ending) -> Appended:
        self.ending = outcome
        finished = to_event(outcome, execution.queued.attempt, WORKER, run_seconds=execution.run_seconds)
        self._ran.events.append(finished)
        return Appended(len(self._ran.events), duplicate=False)

    async def defer(self, execution: Execution, outcome: Retrying) -> Appended:
        self._ran.waits.append(outcome.after)
        return Appended(len(self._ran.events), duplicate=False)


class _Nowhere:
    """A connection to a server that is not there: nobody waits for acknowledgements."""

    async def publish(self, subject: str, payload: bytes) -> None:
        pass


class _AlwaysPermitted:
    """The rate of a kind, of which a test has one start."""

    async def permit(self) -> None:
        pass


class _Message(NamedTuple):
    subject: str
    reply: str
    data: bytes
    headers: None = None


def _delivery(kind: AnyKind, queued: Queued) -> Delivery:
    subject = str(TaskSubject(EventName.QUEUED, kind.name, "normal", OWNER, TASK))
    reply = f"$JS.ACK.HEADRACE.run.1.{queued.attempt}.{queued.attempt}.{time.time_ns()}.0"
    return Delivery(cast("Any", _Message(subject, reply, encode(queued))), cast("Any", _Nowhere()))


@asynccontextmanager
async def _runner(kind: AnyKind, events: EventWriter, store: FileStore, place: Path) -> AsyncGenerator[Runner]:
    """Make what runs the tasks of a kind in a worker with one slot."""
    pool, acknowledger = _make_pool(kind), Acknowledger(cast("Any", _Nowhere()))
    record, metrics, scratch = RunningRecord(None), WorkerMetrics([kind.name]), Scratch(place / "scratch")
    try:
        yield Runner(
            kind=kind,
            pool=pool,
            rate=None if kind.options.rate is None else cast("Rate", _AlwaysPermitted()),
            log=cast("Any", None),
            events=events,
            heartbeats=Heartbeats(Settings(), WORKER, record, metrics.blocked),
            quarantine=Quarantine(),
            acknowledger=acknowledger,
            record=record,
            left_overs=LeftOvers(),
            metrics=metrics,
            slots=1,
            store=store,
            scratch=scratch,
        )
    finally:
        await acknowledger.flush()
        if isinstance(pool, ProcessPool):
            await pool.close()
        scratch.remove()


def _make_pool(kind: AnyKind) -> Pool | None:
    if kind.is_async:
        return None
    return ProcessPool(kind.handler.__module__, kind.name, 1) if kind.options.process else HandlerThreads(kind.name)


def _open_store(place: Path) -> FileStore:
    settings = ObjectsSettings(url=(place / "objects").as_uri())
    objects = open_objects(settings)
    assert objects is not None
    return FileStore(objects, settings.file_bytes_max)


async def _upload(files: RecordedFiles, store: FileStore) -> None:
    """Put the files of a test where the handler finds them."""
    for record in files.records:
        path = files.path_of(record)
        await store.write(record, lambda path=path: read_path(path), is_repeatable=True)


async def _download(files: RecordedFiles, store: FileStore, events: list[msgspec.Struct], place: Path) -> None:
    """Keep what the handler saved, the last file of each name."""
    saved = [each for each in events if isinstance(each, Stored) and each.role is None]
    for event in saved:
        record = await store.find(OWNER, event.file)
        copy = place / "copy"
        with copy.open("wb") as opened:
            async for chunk in store.chunks(record):
                opened.write(chunk)
        files.keep(record, copy)
