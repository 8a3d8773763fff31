"""What every process does around its own work: it sets up logs and the event loop, and learns when to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from headrace.errors import HeadraceError
from headrace.log.jetstream import ProvisionError
from headrace.parent_watch import watch_parent
from headrace.settings import Settings
from headrace.task import KindError
from headrace.telemetry import get_logger, set_up_logs

EXIT_CANNOT_START = 1
GC_ALLOCATIONS = 20_000  # between collections; a burst of tasks keeps some thousand objects that all die young

log = get_logger(__name__)

Main = Callable[[Settings, asyncio.Event], Awaitable[None]]


def run_process(name: str, settings: Settings, main: Main) -> int:
    """Run one of the processes until SIGTERM, SIGINT or the end of its parent tells it to stop.

    Args:
        name: The name that its log lines carry.
        settings: Its settings.
        main: Runs until the event is set, then drains and returns.

    Returns:
        The exit code: 0, or 1 after one log line when the process could not start.
    """
    set_up_logs(name, settings.log_level, settings.log_format)
    # What is loaded by now stays loaded, so the garbage collector need not visit it again and again.
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    try:
        uvloop.run(_run(settings, main))
    except (HeadraceError, ProvisionError, KindError, OSError) as error:
        log.error("cannot go on", error=str(error))
        return EXIT_CANNOT_START
    return 0


async def _run(settings: Settings, main: Main) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    watch_parent()
    await main(settings, stop)
    sys.stdout.flush()
