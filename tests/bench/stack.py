"""All of Headrace on this machine, as the bench needs it: started, told when idle, asked what finished, ended for certain."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec

from headrace.contracts.events import Finished, Outcome, decode
from headrace.contracts.kinds import KindList
from headrace.embedded.counts import Counts
from headrace.embedded.credentials import Credentials
from headrace.embedded.home import Home, RunInfo
from headrace.embedded.network import free_ports
from headrace.embedded.process import Process
from headrace.log import consumer_names, subjects
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers
from headrace.log.opening import open_log
from headrace.log.permissions import OPERATOR, WORKER
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.settings import Settings
from tests.bench.client.wire import API_KEY, HOST
from tests.bench.errors import BenchError

READY_SECONDS = 120.0
ANNOUNCED_SECONDS = 60.0
DRAIN_SECONDS = 120.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.1  # a look costs the servers some of what is measured, so not more often
BENCH_KINDS = {"failing", "noop", "timed"}
ONE_EACH = Counts()
TROUBLE = ('"level":"warning"', '"level":"error"', "starting it again")
TROUBLE_LINES_MAX = 10  # shown of one start; a loop of warnings says the same each time


@contextmanager
def temporary_home() -> Generator[Path]:
    """A home that is gone afterwards; as root, the user that Postgres runs as has to be able to enter it."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        path = Path(directory).resolve()
        path.chmod(0o711)
        yield path / "home"


class Up:
    """A running `headrace up`."""

    def __init__(self, home: Home, port: int, process: Process, began: float) -> None:
        self.home = home
        self.port = port
        self.process = process
        self.ready_seconds = time.monotonic() - began

    @property
    def running(self) -> RunInfo:
        """What runs."""
        info = self.home.running()
        if info is None:
            raise BenchError(f"headrace up ended: {self.process.last_line()}")
        return info

    @property
    def api_key(self) -> str:
        """The key of its administrator."""
        credentials = Credentials.read(self.home.credentials)
        if credentials is None:
            raise BenchError("headrace up has made no administrator")
        return credentials.api_key

    @property
    def signed(self) -> dict[str, str]:
        """The headers of a request of the administrator."""
        return {"Authorization": f"Bearer {self.api_key}"}

    async def until(self, what_is_missing: Callable[[], Awaitable[str]], timeout: float) -> None:
        """Look until nothing is missing."""
        deadline = time.monotonic() + timeout
        while missing := await what_is_missing():
            if not self.process.running or time.monotonic() > deadline:
                raise BenchError(f"waited in vain: {missing}; headrace up last said: {self.process.last_line()}")
            await asyncio.sleep(POLL_SECONDS)

    async def announced(self, kinds: set[str]) -> None:
        """Wait until a worker of this `up` has announced these kinds."""
        started = self.running.up.created

        async def not_announced() -> str:
            answer = await client.get("/api/v1/kinds")
            items = msgspec.json.decode(answer.raise_for_status().content, type=KindList).items
            missing = kinds - {kind.name for kind in items if kind.announced_at.timestamp() > started}
            return f"no worker has announced {', '.join(sorted(missing))}" if missing else ""

        async with httpx.AsyncClient(base_url=f"http://{HOST}:{self.port}", headers=self.signed) as client:
            await self.until(not_announced, ANNOUNCED_SECONDS)


@asynccontextmanager
async def running(home: Path, *arguments: str, environ: dict[str, str] | None = None) -> AsyncGenerator[Up]:
    """Start ``python -m …`` that is an `up` on ``home`` (`{home}` and `{port}` are filled in), and end it."""
    port = free_ports(1)[0]
    ready = False
    trouble = 0

    def on_line(line: str) -> None:
        nonlocal ready, trouble
        ready = ready or line.startswith("ready http")
        if any(sign in line for sign in TROUBLE):
            trouble += 1
            if trouble <= TROUBLE_LINES_MAX:
                sys.stderr.write(f"{line}\n")

    async def is_ready() -> bool:
        return ready

    filled = [argument.format(home=home, port=port) for argument in arguments]
    began = time.monotonic()
    process = await Process.start(
        (sys.executable, "-m", *filled), environ={**_foreign_environ(), **(environ or {})}, on_line=on_line
    )
    try:
        await process.ready(is_ready, READY_SECONDS)
        yield Up(Home(home), port, process, began)
    finally:
        if trouble > TROUBLE_LINES_MAX:
            sys.stderr.write(f"and {trouble - TROUBLE_LINES_MAX:,} more warnings\n")
        await asyncio.shield(process.stop(STOP_SECONDS))


class Finish(NamedTuple):
    """A task that succeeded: when the log took it, and the handler's result as JSON."""

    task: str
    at: datetime
    result: bytes


class Stack:
    """An `up` with the bench's kinds, and its log.

    Attributes:
        log: Reads it, and may write nothing.
        writer: Appends what happens to tasks, as a worker does.
    """

    def __init__(self, up: Up, log: Log, writer: Log) -> None:
        self.up = up
        self.log = log
        self.writer = writer

    async def drained(self, patience: float = DRAIN_SECONDS) -> int:
        """Wait until there is nothing to run and nothing to project. Returns the log's last sequence."""
        return await self._at_rest(patience, lambda consumer: True)

    async def projected(self, patience: float = DRAIN_SECONDS) -> int:
        """Wait until there is nothing to project, whatever waits to run. Returns the log's last sequence."""
        return await self._at_rest(patience, lambda consumer: consumer == consumer_names.PROJECTOR)

    async def _at_rest(self, patience: float, counts: Callable[[str], bool]) -> int:
        rest = Rest(self.log, counts)
        await self.up.until(rest.what_is_missing, patience)
        return rest.last

    async def finishes(self, after: int, kind: str, tasks: Sequence[str]) -> list[Finish]:
        """See `read_finishes`."""
        return await read_finishes(self.log, after, kind, tasks)


class Rest:
    """Whether there is nothing to do for the consumers of a log.

    Args:
        log: The log.
        counts: Tells whether a consumer, by its name, counts.

    Attributes:
        last: The log's last sequence at the last look.
    """

    def __init__(self, log: Log, counts: Callable[[str], bool] = lambda consumer: True) -> None:
        self._log = log
        self._counts = counts
        self.last = -1

    async def what_is_missing(self) -> str:
        """Say who has something to do; empty when nobody has."""
        consumers = await all_consumers(self._log)
        before, self.last = self.last, (await self._log.refresh()).last_sequence
        behind = {
            each["name"]: each["num_pending"] + each["num_ack_pending"]
            for each in consumers
            if self._counts(each["name"])
        }
        if any(behind.values()):
            return ", ".join(f"{name} is {count:,} events behind" for name, count in behind.items() if count)
        return "" if self.last == before else "the log still grows"  # what one look shows is not of one moment


async def read_finishes(log: Log, after: int, kind: str, tasks: Sequence[str]) -> list[Finish]:
    """The ends of these tasks, in log order.

    Raises:
        BenchError: the tasks of this kind that finished after this sequence, once and well, are not these.
    """
    subject = subjects.task_events(kind=kind, event="finished")
    finishes: list[Finish] = []
    others = 0
    more = True
    while more:
        page, more = await log.replayer.page(subject, start=after + 1)
        succeeded = [finish for record in page if (finish := _succeeded(record))]
        finishes += succeeded
        others += len(page) - len(succeeded)
        after = page[-1].sequence if page else after
    finished = [finish.task for finish in finishes]
    if others or sorted(finished) != sorted(tasks):
        raise BenchError(
            f"{len(tasks):,} tasks were accepted ({len(set(tasks)):,} different); of them "
            f"{len(set(tasks) & set(finished)):,} succeeded, and there are {len(finishes) + others:,} finishes"
        )
    return finishes


@asynccontextmanager
async def bench_stack(
    home: Path, *, sync: str = "1s", max_tasks: int | None = None, counts: Counts = ONE_EACH
) -> AsyncGenerator[Stack]:
    """`up` with the yardstick's route and the kinds that do nothing; with ``max_tasks`` in its log where that is given."""
    environ = {
        **({} if max_tasks is None else {"HEADRACE_STREAM_MAX_TASKS": str(max_tasks)}),
        "HEADRACE_CONSUMERS": "tests.bench.kinds",
        "HEADRACE_NATS_SYNC": sync,
        # One account sends more than a thousand submissions a second.
        "HEADRACE_LIMITS_FACTOR": "1000",
    }
    processes = (str(counts.apis), str(counts.workers))
    async with running(home, "tests.bench.run_up", "{home}", "{port}", *processes, environ=environ) as up:
        await up.announced(BENCH_KINDS)
        async with open_log(as_user(up, OPERATOR), "bench") as log, open_log(as_user(up, WORKER), "lines") as writer:
            # The load client is a process of its own, which finds the key here.
            os.environ[API_KEY] = up.api_key
            try:
                yield Stack(up, log, writer)
            finally:
                del os.environ[API_KEY]


def as_user(up: Up, user: str) -> Settings:
    """The settings of a process that is a user of this `up`'s NATS."""
    return Settings.read(
        {
            "HEADRACE_NATS_URL": up.running.nats_url,
            "HEADRACE_NATS_USER": user,
            "HEADRACE_NATS_PASSWORD": up.home.nats_password(user),
        }
    )


def _foreign_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}


def _succeeded(record: Record) -> Finish | None:
    event = decode(record.payload)
    if not isinstance(event, Finished) or event.outcome is not Outcome.SUCCEEDED:
        return None
    return Finish(TaskSubject.parse(record.subject).task, record.at, bytes(event.result))
