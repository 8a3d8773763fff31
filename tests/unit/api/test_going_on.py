"""Work that goes on when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import gc

from headrace.api.going_on import GoingOn


async def test_work_that_nobody_waits_for_comes_to_its_end_and_its_failure_is_no_error_of_the_loop() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    going_on, may_end, ended = GoingOn(), asyncio.Event(), list[str]()

    async def work(name: str) -> None:
        await may_end.wait()
        ended.append(name)
        if name == "fails":
            raise ValueError("it did not go well")
        if name == "begins another":
            going_on.begin(work("follows"), "follows")

    for name in ("fails", "begins another"):
        going_on.begin(work(name), name)
    going_on.begin(work("is cancelled"), "is cancelled").cancel()
    gc.collect()
    may_end.set()
    await going_on.wait()
    gc.collect()
    assert ended == ["fails", "begins another", "follows"]
    assert complaints == []
