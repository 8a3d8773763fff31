"""The threads of `asyncio.to_thread`, shared by the async handlers of a worker.

Such a call goes on when its task has timed out: nothing can stop it. Python has six threads for these calls on a machine with two
cores, so six hung sockets would leave none to any other handler. Here there are more, and what a stopped handler has called counts as
left over, see `headrace.worker.left_overs`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from headrace.worker.execution import Execution
from headrace.worker.left_overs import LEFT_OVERS_MAX
from headrace.worker.loop_watch import handler_here

CALLS_MAX = 32  # at a time, as Python has it at most
# Calls that hang until the worker is replaced take no thread from the others.
THREADS_MAX = CALLS_MAX + LEFT_OVERS_MAX

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class LoopThreads(ThreadPoolExecutor):
    """Runs calls in threads, and remembers for each execution which of its handler's calls have not ended."""

    def __init__(self) -> None:
        super().__init__(THREADS_MAX, thread_name_prefix="to_thread")

    def submit(
        self, fn: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Future[Result]:
        """Run a call in a thread that is free, or in a new one."""
        call = super().submit(fn, *args, **kwargs)
        if (execution := handler_here.get()) is not None:
            execution.calls.add(call)
            call.add_done_callback(execution.calls.discard)
        return call


def open_calls(execution: Execution) -> asyncio.Future[Any] | None:
    """Return the end of the calls that a handler has running in threads of the event loop; None when it has none."""
    # Threads take calls out of the set meanwhile, so this goes through a copy.
    calls = {asyncio.wrap_future(call) for call in list(execution.calls) if call.running()}
    return asyncio.create_task(_until_ended(calls), name="calls") if calls else None


async def _until_ended(calls: set[asyncio.Future[Any]]) -> None:
    # What they raise concerns nobody any more.
    await asyncio.gather(*calls, return_exceptions=True)
