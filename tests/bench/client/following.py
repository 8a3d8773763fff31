"""Many clients on one stream of everything: as lines are written, or while nothing happens."""

from __future__ import annotations

import asyncio
import signal
import time
from array import array

from tests.bench.client.plans import FOLLOWING, Follow, FollowResult, Hold, HoldResult
from tests.bench.client.readers import Reader, latencies, open_all
from tests.bench.client.wire import CutOff, WireError


async def follow(plan: Follow) -> FollowResult:
    """Follow until every client has every line, or the time is over.

    Raises:
        WireError: a line came twice or out of order, something else came, or nothing did.
        OSError: a connection could not be made.
    """
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waited = array("q")
    first_written = last_read = 0
    reading = plan.clients
    last_line = plan.lines - 1

    def on_line(number: int, written: int, read_at: int) -> None:
        nonlocal first_written, last_read
        waited.append(read_at - written)
        last_read = read_at
        if number == 0:
            first_written = written
        if number == last_line:
            stop_one()

    def stop_one() -> None:
        nonlocal reading
        reading -= 1
        if reading == 0 and not done.done():
            done.set_result(None)

    def on_lost(reader: Reader, error: Exception) -> None:
        if not isinstance(error, CutOff | OSError):
            if not done.done():
                done.set_exception(error)
        elif reader not in cut_off and reader.next < plan.lines:
            cut_off.add(reader)
            stop_one()

    cut_off: set[Reader] = set()
    readers = [Reader(0, plan.ids, on_line, on_lost) for _ in range(plan.clients)]
    await open_all(readers, plan.path, plan.port, plan.separator, other_path=plan.other_path)
    print(FOLLOWING, flush=True)
    cpu = time.process_time()
    await asyncio.wait({done}, timeout=plan.seconds)
    cpu_seconds = time.process_time() - cpu
    if done.done():
        done.result()
    if not waited:
        raise WireError(f"no client was given a line within {plan.seconds:g} s")
    return FollowResult(
        latencies=latencies(waited),
        missing=plan.clients * plan.lines - len(waited),
        cut_off=len(cut_off),
        seconds=(last_read - first_written) / 1e9,
        cpu_seconds=cpu_seconds,
    )


async def hold(plan: Hold) -> HoldResult:
    """Follow and do nothing until told to end.

    Raises:
        WireError: a stream broke, or something came.
        OSError: a connection could not be made.
    """
    loop = asyncio.get_running_loop()
    told: asyncio.Future[None] = loop.create_future()

    def end(error: Exception | None = None) -> None:
        if not told.done():
            told.set_exception(error) if error else told.set_result(None)

    loop.add_signal_handler(signal.SIGUSR1, end)
    readers = [
        Reader(0, False, lambda *_: end(WireError("there was a line")), lambda _, error: end(error))
        for _ in range(plan.clients)
    ]
    await open_all(readers, plan.path, plan.port, plan.separator)
    print(FOLLOWING, flush=True)
    await asyncio.wait({told}, timeout=plan.seconds)
    if not told.done():
        raise WireError(f"it was not told to end within {plan.seconds:g} s")
    told.result()
    return HoldResult()
