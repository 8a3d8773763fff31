"""What every process does around its own work: it sets up logs and the event loop, and learns when to stop."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import signal
import threading
from collections.abc import Awaitable, Callable

from headrace import forks
from headrace.errors import HeadraceError
from headrace.event_loop import exit_soon, leave, run_to_its_end
from headrace.log.jetstream import ProvisionError
from headrace.observed import observed
from headrace.parent_watch import watch_parent
from headrace.settings import Settings, unknown_variables
from headrace.stop import Stop
from headrace.task import KindError
from headrace.telemetry import get_logger, log_stream, set_up_logs

EXIT_CANNOT_START = 1
EXIT_BROKEN = 1
GC_ALLOCATIONS = 20_000  # between collections; a burst of tasks keeps some thousand objects that all die young
STOP_MARGIN_SECONDS = 30.0  # beyond the grace: to end connections and what ignores its cancellation, on a busy machine
TAKE_AGAIN_SECONDS = 2.0  # well within any grace period; nothing tells that a handler has been replaced
LAST_WORD_SECONDS = 2.0  # before that is over, for the line that says so; it needs the interpreter

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

log = get_logger(__name__)

Main = Callable[[Settings, Stop], Awaitable[None]]


def run_process(name: str, settings: Settings, main: Main, grace: float = 0.0) -> int:
    """Run one of the processes until SIGTERM, SIGINT or the end of its parent tells it to stop.

    When ``main`` ends with an error, or does not end when it should, the process ends at once, whatever its threads do.

    Args:
        name: The name that its log lines carry.
        settings: Its settings.
        main: Runs until the event is set, then drains and returns.
        grace: Seconds that ``main`` may take to drain.

    Returns:
        The exit code, 0. The process exits with 1 after one log line when it could not start or go on.
    """
    set_up_logs(name, settings.log_level, settings.log_format)
    # On SIGABRT and on a crash in C every thread's stack is written to standard error, also while a handler holds the GIL.
    faulthandler.enable(log_stream())
    forks.separate_children(*STOP_SIGNALS)
    for sentence in unknown_variables(os.environ):
        log.warning(sentence)
    # What is loaded by now stays loaded, so the garbage collector need not visit it again and again.
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)
    gc.enable()
    try:
        with observed(name):
            left = run_to_its_end(_run(settings, main, grace))
    except (HeadraceError, ProvisionError, KindError, OSError) as error:
        log.error("cannot go on", error=str(error))
        leave(EXIT_CANNOT_START)
    except BaseException:
        log.critical("ended by an error; to be started anew", exc_info=True)
        leave(EXIT_BROKEN)
    if left:
        leave(0)
    exit_soon(0)
    return 0


async def _run(settings: Settings, main: Main, grace: float) -> None:
    stop = Stop()

    def on_signal() -> None:
        if not stop.is_set():
            _limit_the_stop(grace + STOP_MARGIN_SECONDS)
        stop.tell()

    _take_signals(on_signal)
    keeping = asyncio.create_task(_keep_signals(on_signal), name="keep signals")
    watch_parent()
    await main(settings, stop)
    keeping.cancel()


def _take_signals(on_signal: Callable[[], None]) -> None:
    for each in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, on_signal)


async def _keep_signals(on_signal: Callable[[], None]) -> None:
    """Have ``on_signal`` called also after a handler's library has taken the signals for itself, as servers do."""
    while True:
        await asyncio.sleep(TAKE_AGAIN_SECONDS)
        _take_signals(on_signal)


def _limit_the_stop(seconds: float) -> None:
    """End this process in ``seconds``, with a line and the stack of every thread, if it has not ended by then."""
    # This timer is a thread in C, so it goes off although a handler holds the GIL.
    faulthandler.dump_traceback_later(seconds, exit=True, file=log_stream())
    threading.Thread(target=_say_late, args=(seconds,), name="stop limit", daemon=True).start()


def _say_late(seconds: float) -> None:
    threading.Event().wait(seconds - LAST_WORD_SECONDS)
    log.critical("told to stop and still here; ending this process", seconds=seconds)
