"""Many clients that come back at once and far behind, beside others that follow live."""

from __future__ import annotations

import asyncio
import time

from tests.bench.client.plans import FOLLOWING, Resume, ResumeResult
from tests.bench.client.readers import Reader, latencies, open_all
from tests.bench.client.wire import WireError

DURING_NANOSECONDS_MIN = 1_000_000_000  # what the live clients were given in less would be a handful of lines


class ResumeRun:
    """One run of a plan."""

    def __init__(self, plan: Resume) -> None:
        self._plan = plan
        self._given: list[tuple[int, int]] = []  # of the live clients: when each line was written and read
        self._caught_up: list[int] = []
        self._to_live = plan.live  # clients that still wait for the line after which the others come
        self._to_end = plan.live + plan.resuming
        self._time_to_come = asyncio.Event()
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> ResumeResult:
        """Follow, have the others come, and return when all have everything or the time is over.

        Raises:
            WireError: a line came twice or out of order, something else came, or a stream broke.
            OSError: a connection could not be made.
        """
        plan = self._plan
        live = [Reader(plan.first, True, self._on_live_line, self._on_lost) for _ in range(plan.live)]
        late = [Reader(0, True, self._on_late_line, self._on_lost) for _ in range(plan.resuming)]
        await open_all(live, plan.path, plan.port)
        print(FOLLOWING, flush=True)
        cpu = time.process_time()
        try:
            async with asyncio.timeout(plan.seconds):
                coming = asyncio.ensure_future(self._time_to_come.wait())
                await asyncio.wait({coming, self._done}, return_when=asyncio.FIRST_COMPLETED)
                came = time.time_ns()
                await asyncio.gather(*(each.open(f"{plan.path}?after={plan.after}", plan.port) for each in late))
                await self._done
        except TimeoutError:
            if len(self._caught_up) < plan.resuming:
                how_many = f"{len(self._caught_up):,} of {plan.resuming:,} clients"
                raise WireError(f"only {how_many} had caught up after {plan.seconds:g} s") from None
        last = max(*self._caught_up, came + DURING_NANOSECONDS_MIN)
        before = [read_at - written for written, read_at in self._given if read_at < came]
        during = [read_at - written for written, read_at in self._given if read_at >= came and written <= last]
        after = [read_at - written for written, read_at in self._given if written > last]
        if not during or not after:
            raise WireError("no line was written while clients caught up, or none after that: write for longer")
        return ResumeResult(
            caught_up=sorted((each - came) / 1e9 for each in self._caught_up),
            before=latencies(before),
            during=latencies(during),
            after=latencies(after),
            missing=sum(plan.lines - each.next + each.missing for each in (*live, *late)),
            cpu_seconds=time.process_time() - cpu,
        )

    def _on_live_line(self, number: int, written: int, read_at: int) -> None:
        self._given.append((written, read_at))
        if number == self._plan.behind - 1:
            self._to_live -= 1
            if self._to_live == 0:
                self._time_to_come.set()
        self._check_end(number)

    def _on_late_line(self, number: int, written: int, read_at: int) -> None:
        if number == self._plan.behind - 1:
            self._caught_up.append(read_at)
        self._check_end(number)

    def _check_end(self, number: int) -> None:
        if number == self._plan.lines - 1:
            self._to_end -= 1
            if self._to_end == 0 and not self._done.done():
                self._done.set_result(None)

    def _on_lost(self, reader: Reader, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)
