"""The event loop of a process, which goes on whatever the code of a handler does to it.

asyncio lets `SystemExit` and `KeyboardInterrupt` of any task or callback, and `loop.stop()`, end the whole loop. When they come
from something that a handler has started, the loop is continued where it stopped: the task that raised has its exception,
which reaches whoever awaits it, and nothing else notices. When a handler has cancelled everything on the loop, connections
included, nothing can be saved, and the process ends at once so that its supervisor starts another one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, NoReturn

import uvloop

from headrace import forks
from headrace.telemetry import get_logger

CLEAN_UP_SECONDS = 2.0  # for tasks that are left at the end; one that ignores its cancellation is left behind
EXIT_SECONDS = 5.0  # for the interpreter to exit; a thread that a handler left behind would keep it for ever
INTERRUPTIONS_MAX = 100  # in ten seconds; a callback that exits again and again would fill the log
INTERRUPTIONS_SECONDS = 10.0

log = get_logger(__name__)


def run_to_its_end(main: Coroutine[object, object, None]) -> set[asyncio.Task[Any]]:
    """Run a coroutine on a new event loop until it returns, then end within seconds what is left on the loop.

    Returns:
        The tasks that did not end. Who has some keeps them and ends with `leave`: Python would close them without a loop, and each
        would say in a traceback that it has none.

    Raises:
        BaseException: what ``main`` raised.
    """
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    # A child that an async handler forked must not run the loop of its parent.
    forks.in_children_of_this_thread(lambda: loop.call_soon(os._exit, 0) and None)
    task = loop.create_task(main, name="main")
    guard = loop.create_task(_leave_when_cancelled(task), name="guard")
    _drive(loop, guard)
    task.result()
    _drive(loop, loop.create_task(_clean_up(), name="clean up"))
    if left := asyncio.all_tasks(loop):
        log.warning("leaving tasks behind that do not end", tasks=sorted(each.get_name() for each in left))
    else:
        loop.close()
    return left


def exit_soon(code: int) -> None:
    """End this process with ``code`` in `EXIT_SECONDS`, in case the interpreter waits for a thread that does not end."""
    threading.Thread(target=_exit_late, args=(code,), name="exit", daemon=True).start()


def leave(code: int) -> NoReturn:
    """End this process at once, without waiting for tasks or threads."""
    for stream in (sys.stdout, sys.stderr):
        # A handler may have closed them.
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _drive(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    """Run the loop until ``task`` is done, however often something else ends it."""
    task.add_done_callback(lambda _: loop.stop())
    interruptions: list[float] = []
    while not task.done():
        why = _run_until_interrupted(loop)
        if task.done():
            return
        log.error("something that a handler started tried to end the event loop; it goes on", by=why)
        now = time.monotonic()
        interruptions = [at for at in interruptions if now - at < INTERRUPTIONS_SECONDS] + [now]
        if len(interruptions) > INTERRUPTIONS_MAX:
            log.critical("the event loop is ended again and again; ending this process so that it is started anew")
            leave(1)


def _run_until_interrupted(loop: asyncio.AbstractEventLoop) -> str:
    try:
        loop.run_forever()
    except BaseException as error:  # noqa: BLE001 - the loop passes on those that are meant to end a program
        return repr(error)
    return "loop.stop()"


async def _leave_when_cancelled(main: asyncio.Task[None]) -> None:
    """Wait for ``main``. Nobody here cancels this task, so who did has cancelled all tasks, those of connections included."""
    try:
        await asyncio.wait({main})
    except asyncio.CancelledError:
        log.critical("a handler cancelled every task of the event loop; ending this process so that it is started anew")
        leave(1)


async def _clean_up() -> None:
    """Cancel what is left on the loop, and wait a moment for it."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=CLEAN_UP_SECONDS)
    with suppress(TimeoutError):
        async with asyncio.timeout(CLEAN_UP_SECONDS):
            await asyncio.get_running_loop().shutdown_asyncgens()


def _exit_late(code: int) -> None:
    threading.Event().wait(EXIT_SECONDS)
    log.warning("leaving threads behind that do not end", threads=[each.name for each in threading.enumerate()])
    leave(code)
