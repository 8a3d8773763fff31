"""The worker process: announce the kinds, run their tasks, drain when told to stop."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from headrace.errors import LogUnavailable
from headrace.health import serve_health
from headrace.log.connection import Log
from headrace.log.opening import open_log, until_compared
from headrace.settings import Settings
from headrace.task import AnyKind, load_kinds
from headrace.telemetry import get_logger
from headrace.worker.announce import ANNOUNCE_SECONDS, announce, is_superseded
from headrace.worker.cancellations import Cancellations
from headrace.worker.heartbeats import Heartbeats
from headrace.worker.lanes import Lanes
from headrace.worker.low_priority_throttle import LowPriorityThrottle
from headrace.worker.process_pool import ProcessPool
from headrace.worker.quarantine import Quarantine
from headrace.worker.rate import Rate
from headrace.worker.run import Runner

ANNOUNCE_FIRST_SECONDS = 2.0  # until a log that has just started is known to be the one it was

log = get_logger(__name__)


async def work(settings: Settings, stop: asyncio.Event, only: Iterable[str] = ()) -> None:
    """Run a worker until ``stop`` is set.

    Args:
        settings: Its settings.
        stop: Set when the worker is to drain and end.
        only: The kinds to run; all of the package when empty.

    Raises:
        KindError: the kinds cannot be loaded.
        LogUnavailable: NATS cannot be reached.
        ProvisionError: the log cannot be made what the settings say.
    """
    kinds = load_kinds(settings.consumers, only)
    name = f"{socket.gethostname()}-{os.getpid()}"
    async with open_log(settings, f"worker-{name}", until_compared) as opened:
        heartbeats = Heartbeats(settings, name)
        await heartbeats.start()
        cancellations = Cancellations(opened, heartbeats)
        await cancellations.open()
        quarantine = Quarantine()
        throttle = LowPriorityThrottle()
        acks = opened.acknowledger()
        processes: list[ProcessPool] = []

        def make_pool(kind: AnyKind, slots: int) -> ThreadPoolExecutor | ProcessPool | None:
            if kind.is_async:
                return None
            if not kind.process:
                return ThreadPoolExecutor(slots, thread_name_prefix=kind.name)
            processes.append(ProcessPool(settings.consumers, kind.name, slots))
            return processes[-1]

        def make_lanes(kind: AnyKind) -> Lanes:
            slots = settings.worker.slots if kind.is_async else settings.worker.threads
            slots = min(slots, kind.concurrency or slots)
            pool = make_pool(kind, slots)
            rate = Rate(opened, kind.name, kind.rate) if kind.rate is not None else None
            return Lanes(opened, Runner(opened, kind, name, heartbeats, quarantine, acks, pool, rate), slots, throttle)

        lanes = [make_lanes(kind) for kind in kinds.values()]
        # Before there are consumers, see `is_superseded`; in a log that was just made everybody does it later.
        with suppress(TimeoutError, LogUnavailable):
            async with asyncio.timeout(ANNOUNCE_FIRST_SECONDS):
                await opened.until_current()
                await announce(opened, [kind.describe() for kind in kinds.values()])
        for each in lanes:
            await each.open()

        async def ready() -> dict[str, str]:
            return {"nats": "ok" if opened.is_connected else "disconnected; reconnecting"}

        async with serve_health(settings.worker.health, ready), asyncio.TaskGroup() as group:
            working = [group.create_task(each.work(), name="lanes") for each in lanes]
            working.append(group.create_task(_announce(opened, kinds.values()), name="announce"))
            working.append(group.create_task(cancellations.check(), name="look for cancelled tasks"))
            log.info("running", kinds=list(kinds), worker=name)
            await stop.wait()
            log.info("draining", running=sum(each.running for each in lanes))
            for task in working:
                task.cancel()
        await asyncio.gather(*(each.drain(settings.worker.grace) for each in lanes))
        await asyncio.gather(*(each.close() for each in processes))
        await acks.flush()
        heartbeats.stop()
        left = sum(each.running for each in lanes)
    log.info("stopped")
    if left:  # handlers that cannot be stopped; the interpreter would wait for their threads for ever
        sys.stderr.flush()
        os._exit(0)


async def _announce(to: Log, kinds: Iterable[AnyKind]) -> None:
    descriptions = [kind.describe() for kind in kinds]
    while True:
        await to.until_current()
        try:
            await announce(to, [each for each in descriptions if not await is_superseded(to, each)])
        except LogUnavailable as error:
            log.warning("could not announce the kinds", error=error.message)
        await asyncio.sleep(ANNOUNCE_SECONDS)
