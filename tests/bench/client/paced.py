"""Submissions on schedule, whatever comes back, each followed to its end over one event stream if wanted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque

import msgspec
from msgspec import Struct

from tests.bench.client.plans import Paced, PacedResult, Sample
from tests.bench.client.wire import Connection, Stream, WireError, connect, post
from tests.bench.kinds.timed import Times

LEAD_NANOSECONDS = 100_000_000  # from starting the clock to the first request, so that it is not late already
FINISH_SECONDS = 30.0  # after the last request, for what is still to come


class _Accepted(Struct):
    id: str


class _Finished(Struct):
    task: str
    outcome: str
    result: Times | None = None


_accepted = msgspec.json.Decoder(_Accepted)
_finished = msgspec.json.Decoder(_Finished)


class PacedRun:
    """One run of a plan."""

    def __init__(self, plan: Paced) -> None:
        self._plan = plan
        self._total = plan.warm_up + plan.requests
        self._loop = asyncio.get_running_loop()
        self._request = post(plan.path, plan.body.encode())
        self._following = asyncio.Event()
        self._stopped = threading.Event()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._idle: list[Connection] = []
        self._waiting: deque[int] = deque()  # when they were due; there was no idle connection
        self._opening: set[asyncio.Task[None]] = set()
        self._open: set[str] = set()  # tasks whose own stream is open
        self._open_most = 0
        self._answered: dict[str, tuple[int, int, int]] = {}
        self._finished: dict[str, tuple[Times, int]] = {}

    async def run(self) -> PacedResult:
        """Send, and return when every task has ended, or only has been accepted when they are not followed.

        Raises:
            WireError: an answer or an end was not the expected one, or did not come.
            OSError: a connection broke.
        """
        plan = self._plan
        try:
            async with asyncio.timeout(self._total * plan.interval + FINISH_SECONDS):
                if plan.followed and not plan.own:
                    await self._follow()
                for _ in range(plan.connections):
                    self._idle.append(await connect(lambda: Connection(self._on_response, self._fail), plan.port))
                threading.Thread(target=self._keep_time, daemon=True).start()
                await self._done
        except TimeoutError:
            counts = f"{len(self._answered):,} were answered, {len(self._finished):,} seen to finish"
            raise WireError(f"of {self._total:,} submissions {counts} within {FINISH_SECONDS:g} s") from None
        finally:
            self._stopped.set()
        samples = [self._sample(task) for task in self._answered][plan.warm_up :]
        return PacedResult(samples=samples, open_most=self._open_most)

    async def _follow(self) -> None:
        await connect(lambda: Stream("/api/v1/events", self._on_event, self._fail), self._plan.port)
        await asyncio.wait({asyncio.create_task(self._following.wait()), self._done}, return_when="FIRST_COMPLETED")

    async def _follow_own(self, task: str) -> None:
        def on_open() -> None:
            self._open.add(task)
            self._open_most = max(self._open_most, len(self._open))

        def on_lost(error: Exception) -> None:
            self._open.discard(task)
            stream.close()
            if task not in self._finished:
                self._fail(error)

        stream = Stream(f"/api/v1/tasks/{task}/events", self._on_event, on_lost, on_open=on_open)
        try:
            await connect(lambda: stream, self._plan.port)
        except OSError as error:
            self._fail(error)

    def _keep_time(self) -> None:
        # A thread, since the loop's own timers are as coarse as a millisecond, a third of what is to be measured.
        begin = time.time_ns() + LEAD_NANOSECONDS
        for count in range(self._total):
            due = begin + int(count * self._plan.interval * 1e9)
            if self._stopped.wait(max(0, due - time.time_ns()) / 1e9):
                return
            self._loop.call_soon_threadsafe(self._send, due)

    def _send(self, due: int) -> None:
        if not self._idle:
            self._waiting.append(due)
            return
        connection = self._idle.pop()
        connection.due, connection.sent = due, time.time_ns()
        connection.send(self._request)

    def _on_response(self, connection: Connection, status: int, body: bytes) -> None:
        answered = time.time_ns()
        if status != 202:
            self._fail(WireError(f"a submission was answered {status}: {body[:500]!r}"))
            return
        task = _accepted.decode(body).id
        self._answered[task] = connection.due, connection.sent, answered
        if self._plan.own:
            opening = asyncio.create_task(self._follow_own(task))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        self._idle.append(connection)
        if self._waiting:
            self._send(self._waiting.popleft())
        self._check_done()

    def _on_event(self, event: bytes, read_at: int) -> None:
        self._following.set()  # the first says where the stream begins
        if b"\nevent: finished\n" not in event:
            return
        finished = _finished.decode(event.rpartition(b"\ndata: ")[2])
        if finished.result is None:
            self._fail(WireError(f"task {finished.task} ended {finished.outcome}"))
        elif finished.task in self._finished:
            self._fail(WireError(f"the stream showed the finish of task {finished.task} twice"))
        else:
            self._finished[finished.task] = finished.result, read_at
            self._check_done()

    def _check_done(self) -> None:
        ended = self._finished if self._plan.followed else self._answered
        if len(self._answered) < self._total or len(ended) < self._total or self._done.done():
            return
        if self._answered.keys() == ended.keys():
            self._done.set_result(None)
        else:
            self._fail(WireError("the tasks that finished are not the ones that were accepted"))

    def _sample(self, task: str) -> Sample:
        times, seen = self._finished.get(task, (Times(0, 0), 0))
        return Sample(task, *self._answered[task], times.started, times.ended, seen)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
