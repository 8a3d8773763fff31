"""`run_kind`: a task as a worker runs it, without servers."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from headrace.contracts.events import Finished, Queued, Started
from headrace.contracts.tasks import FailureCode
from headrace.testing import KindFailed, RecordedFiles, run_kind, run_kind_blocking
from tests.unit.kinds_that_run import (
    Asked,
    Copy,
    Told,
    asks_again,
    copies,
    fails_first,
    hangs,
    in_process,
    limited,
    spins,
    wrong,
)


async def test_an_attempt_that_fails_is_followed_by_another_after_the_backoff_for_which_nobody_waits() -> None:
    ran = await run_kind(fails_first, Asked(times=2))
    assert isinstance(ran.result, Told)
    assert (ran.succeeded, ran.attempts, ran.waits) == (True, 3, [2.0, 6.0])
    assert ran.logged == [("info", f"attempt {number}") for number in (1, 2, 3)]
    assert [type(each) for each in ran.events if isinstance(each, Queued | Started | Finished)] == [
        *(Queued, Started, Queued, Started, Queued, Started, Finished)
    ]


async def test_a_task_that_is_out_of_attempts_fails_and_says_why_when_its_result_is_asked_for() -> None:
    ran = await run_kind(fails_first, Asked(times=9))
    assert (ran.attempts, len(ran.waits)) == (4, 3)
    with pytest.raises(KindFailed, match="fails_first failed after 4 attempts: raised: ValueError: not yet\n"):
        _ = ran.result
    assert (await run_kind(fails_first, Asked(times=9), max_attempts=1)).attempts == 1


async def test_what_a_kind_gives_up_on_is_not_tried_again() -> None:
    ran = await run_kind(fails_first, Asked(times=9, name="gone"))
    assert ran.error is not None
    assert (ran.attempts, ran.error.code, ran.error.message) == (1, FailureCode.RAISED, "KeyError: 'gone'")


@pytest.mark.parametrize(("kind", "attempts"), [(hangs, 2), (spins, 1)])
async def test_an_attempt_ends_at_the_timeout_of_its_kind(kind: object, attempts: int) -> None:
    ran = await run_kind(kind, Asked())  # type: ignore[arg-type]  # of whatever kind is tried
    assert ran.error is not None
    assert (ran.error.code, ran.attempts) == (FailureCode.TIMEOUT, attempts)


async def test_the_input_is_what_its_json_says_and_the_result_what_the_handler_declares() -> None:
    refused = await run_kind(fails_first, {"times": "many"})
    assert refused.error is not None
    assert refused.error.code == FailureCode.INVALID_INPUT
    assert "Expected `int`, got `str`" in refused.error.message
    invalid = await run_kind(wrong, Asked())
    assert invalid.error is not None
    assert invalid.error.code == FailureCode.RESULT_INVALID
    large = await run_kind(limited, Asked(times=600_000))
    assert len(large.result) == 600_000


def test_a_plain_function_runs_in_a_thread_and_asks_for_another_attempt() -> None:
    ran = run_kind_blocking(asks_again, Asked())
    assert ran.waits == [60.0]
    assert ran.result.pid == os.getpid()
    assert ran.result.thread != "MainThread"


def test_a_kind_with_a_process_runs_in_one() -> None:
    ran = run_kind_blocking(in_process, Asked(name="n"))
    assert ran.result.pid != os.getpid()
    assert (ran.progressed, ran.emitted) == ([(1.0, "told")], [{"name": "n"}])


async def test_a_handler_opens_the_files_of_the_test_and_what_it_saves_is_added_to_them(tmp_path: Path) -> None:
    files = RecordedFiles()
    (tmp_path / "a.txt").write_bytes(b"text")
    ran = await run_kind(copies, Copy(file=files.add("a.txt", tmp_path / "a.txt", "text/plain")), files=files)
    assert files.read("copy.txt") == b"text!"
    assert [(each.id, each.name) for each in ran.saved] == [(ran.result, "copy.txt")]
    missing = await run_kind(copies, Copy(file="none"), files=files)
    assert missing.error is not None
    assert "FileMissing" in missing.error.message


async def test_tests_that_call_handlers_alone_do_not_load_the_worker() -> None:
    program = (
        "import sys, headrace.testing; print([each for each in sys.modules if each.startswith('headrace.worker')])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out == b"[]\n"
