from __future__ import annotations

import threading

import pytest

from headrace.worker.handler_threads import CallEnded, HandlerThreads, NoThread
from headrace.worker.outcomes import AttemptOutcome, Succeeded


async def test_a_call_that_no_thread_can_be_started_for_says_so_and_the_next_one_may_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = HandlerThreads("kind")

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(NoThread, match="handlers have left so many threads behind"):
            threads.run(_succeed)
    assert await threads.run(_succeed) == CallEnded(Succeeded(b"1"), None)


def _succeed() -> AttemptOutcome:
    return Succeeded(b"1")
