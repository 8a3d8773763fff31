from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from headrace.worker.context import ExecutionContext
from headrace.worker.invoke import invoke
from tests.unit.worker.executions import execution


class Waiting:
    """A kind whose handler waits for ever."""

    name = "waiting"
    options = SimpleNamespace(timeout=60, rate=None)

    def __call__(self, *_: object) -> Any:
        return asyncio.get_running_loop().create_future()


def test_a_handler_that_is_closed_after_the_event_loop_has_gone_is_not_taken_for_one_that_raised() -> None:
    made = execution()
    made.kind = cast("Any", Waiting())
    loop = asyncio.new_event_loop()
    coroutine = invoke(made, msgspec.defstruct("Input", [])(), cast("ExecutionContext", None), None)
    task = loop.create_task(coroutine)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    # As Python does it with a task that ignores its cancellation, when the process ends. It raises what the coroutine raises.
    coroutine.close()
    assert not task.done()
    cast("Any", task)._log_destroy_pending = False
