from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any

import msgspec
import psutil
import pytest

from headrace.contracts.events import Logged, Progressed
from headrace.contracts.tasks import FailureCode
from headrace.task import Retry
from headrace.worker.child_process import ProcessLost
from headrace.worker.outcomes import Failed, HandlerRaised, Succeeded, is_instance_of, raised
from headrace.worker.pipe_protocol import Call, Ready, pack
from headrace.worker.process_pool import END_GRACE_SECONDS, ProcessPool
from tests.kinds import processes as kinds
from tests.unit.worker.test_context import Log as EventLog
from tests.unit.worker.test_context import context_on
from tests.waiting import until

PACKAGE = "tests.kinds.processes"

Make = Callable[..., ProcessPool]


@pytest.fixture
async def make() -> AsyncGenerator[Make]:
    """Make processes of a kind, which are gone after the test."""
    made: list[ProcessPool] = []

    def make_processes(kind: str, slots: int = 2) -> ProcessPool:
        made.append(ProcessPool(PACKAGE, kind, slots))
        return made[-1]

    yield make_processes
    for each in made:
        await each.close()


async def begin(processes: ProcessPool, log: EventLog | None = None, **given: Any) -> tuple[Any, asyncio.Task[Any]]:
    """Call a handler: its process, and the call."""
    child = await processes.reserve()
    asked = Call(task_id="t1", attempt=2, input=msgspec.json.encode(given))
    return child, asyncio.create_task(processes.run(child, asked, context_on(log or EventLog())))


async def run(processes: ProcessPool, log: EventLog | None = None, **given: Any) -> Any:
    """Call a handler to its end: its result, or whatever else it gave."""
    _, calling = await begin(processes, log, **given)
    outcome = await calling
    return msgspec.json.decode(outcome.result) if isinstance(outcome, Succeeded) else outcome


async def run_and_see(processes: ProcessPool, **given: Any) -> tuple[Any, EventLog]:
    """Call a handler to its end: its result, and what it said."""
    log = EventLog()
    child = await processes.reserve()
    context = context_on(log)
    outcome = await processes.run(child, Call("t1", 2, msgspec.json.encode(given)), context)
    await context.close()
    assert isinstance(outcome, Succeeded)
    return msgspec.json.decode(outcome.result), log


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_handler_runs_in_the_main_thread_of_another_process_with_the_same_context(make: Make) -> None:
    result, log = await run_and_see(make("echo_in_process"), text="hello")
    assert result == {"text": "hello", "attempt": 2, "pid": result["pid"], "in_main_thread": True}
    assert result["pid"] != os.getpid()
    assert log.of(Progressed) == [Progressed(attempt=2, fraction=0.5, message="half")]
    assert log.of(Logged) == [Logged(attempt=2, level="warning", message="from a process")]
    assert log.chunks == [{"chunk": 1}]


async def test_what_a_handler_prints_goes_to_standard_error(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    await run(make("echo_in_process"), text="hello")
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "printed\nwritten\n" in printed.err


async def test_a_process_is_used_again(make: Make) -> None:
    processes = make("echo_in_process")
    pids = [(await run(processes, text="x"))["pid"] for _ in range(3)]
    assert len(set(pids)) == 1


async def test_there_are_never_more_processes_than_slots(make: Make) -> None:
    processes = make("echo_in_process", slots=2)
    results = await asyncio.gather(*(run(processes, text=str(number)) for number in range(8)))
    assert [result["text"] for result in results] == [str(number) for number in range(8)]
    assert len({result["pid"] for result in results}) <= 2


async def test_a_log_line_is_in_the_log_before_the_handler_goes_on(make: Make) -> None:
    log = EventLog()
    log.gate.clear()
    _, calling = await begin(make("echo_in_process"), log, text="x")
    await until(lambda: log.appending, "the line to be on its way")
    done, _ = await asyncio.wait({calling}, timeout=0.05)
    assert not done
    log.gate.set()
    assert isinstance(await calling, Succeeded)


async def test_a_flood_of_progress_is_heard_at_a_bounded_rate_and_its_last_is_not_lost(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes, context, heard = make("flood"), context_on(EventLog()), []
    monkeypatch.setattr(context, "offer_progress", lambda fraction, message: heard.append(fraction))
    child = await processes.reserve()
    await processes.run(child, Call("t1", 1, b"{}"), context)
    assert heard[0] == 0
    assert heard[-1] == 1
    assert heard == sorted(heard)
    assert len(heard) < 1000  # of a hundred thousand


async def test_what_cannot_be_said_is_the_handlers_error_and_costs_nothing_else(make: Make) -> None:
    told, log = await run_and_see(make("says_it_wrong"))
    assert told == [
        "ValueError: progress(1.5): the fraction is from 0 to 1",
        "TypeError: Encoding objects of type _thread.lock is unsupported",
        "ValueError: a chunk of 307,202 bytes is over the limit of 262,144; emit smaller ones",
        told[3],
    ]
    assert told[3].startswith("ValueError: 17,825,")
    assert log.of(Logged)[0].message == "reading caf\\udce9.txt"


async def test_what_a_handler_raises_is_known_by_its_names(make: Make) -> None:
    with pytest.raises(HandlerRaised) as caught:
        await run(make("fail_in_process"))
    error = caught.value
    assert error.type_names[:2] == ("tests.kinds.processes.Broken", "builtins.ValueError")
    assert is_instance_of(error, (KeyError, kinds.Broken))
    assert is_instance_of(error, (ValueError,))
    assert is_instance_of(error, (Exception,))
    assert not is_instance_of(error, (KeyError, HandlerRaised))

    failed = raised(error, kinds.__file__)
    assert (failed.code, failed.message) == (FailureCode.RAISED, "Broken: no such thing as a free lunch")
    assert failed.traceback is not None
    first, where, *_ = failed.traceback.splitlines()
    assert first == "Traceback (most recent call last):"
    assert where.strip().startswith(f'File "{kinds.__file__}"')


def test_a_plain_exception_is_matched_by_its_class() -> None:
    assert is_instance_of(kinds.Broken(), (KeyError, ValueError))
    assert not is_instance_of(ValueError(), (kinds.Broken,))
    assert not is_instance_of(ValueError(), ())


async def test_an_exit_is_raised_and_the_process_goes_on(make: Make) -> None:
    processes = make("exit_in_process")
    child, calling = await begin(processes)
    with pytest.raises(HandlerRaised) as caught:
        await calling
    assert is_instance_of(caught.value, (SystemExit,))
    assert await processes.reserve() is child


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("lie_in_process", FailureCode.RESULT_INVALID, "returned str, not Counts as declared"),
    ],
)
async def test_a_result_that_cannot_be_one_is_a_failure(make: Make, kind: str, code: FailureCode, words: str) -> None:
    outcome = await run(make(kind))
    assert isinstance(outcome, Failed)
    assert outcome.code is code
    assert words in outcome.message


@pytest.mark.parametrize(
    ("kind", "after", "message"),
    [
        ("returns_retry_in_process", 7, "busy"),
        ("raises_retry_in_process", None, "the handler asked for another attempt"),
    ],
)
async def test_another_attempt_can_be_asked_for(make: Make, kind: str, after: float | None, message: str) -> None:
    asked = await run(make(kind))
    assert isinstance(asked, Retry)
    assert (asked.after, str(asked)) == (after, message)


@pytest.mark.invariant(1)
async def test_a_process_that_ends_while_it_runs_a_task_is_told_with_its_exit_code(make: Make) -> None:
    processes = make("die_in_process", slots=1)
    for _ in range(2):  # the second has the slot, and a process of its own
        with pytest.raises(ProcessLost, match=r"^The process that ran the task ended with exit code 9\.$"):
            await run(processes)


async def test_a_process_that_is_killed_is_told_with_the_signal(make: Make) -> None:
    log = EventLog()
    _, calling = await begin(make("until_cancelled"), log)
    (pid,) = await until(lambda: log.chunks, "the handler to run")
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(
        ProcessLost, match=r"was killed by signal 9 \(SIGKILL\), as the system does when memory runs out"
    ):
        await calling


async def test_a_process_that_dies_idle_takes_no_task_with_it(make: Make) -> None:
    processes = make("echo_in_process")
    pid = (await run(processes, text="x"))["pid"]
    os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):  # it is dead, and the event loop has not heard of it
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the very thing
    assert (await run(processes, text="y"))["pid"] != pid


async def test_what_a_handler_started_ends_with_its_process(make: Make) -> None:
    log = EventLog()
    with pytest.raises(ProcessLost, match="exit code 9"):
        await run(make("die_with_company"), log)
    left_behind = log.chunks[0]
    await until(lambda: is_gone(left_behind), "it to be gone")


async def test_a_process_that_cannot_be_heard_any_more_is_killed(make: Make) -> None:
    with pytest.raises(ProcessLost):
        await run(make("shut_everything"))


async def test_a_process_that_cannot_load_its_kind_is_told(make: Make) -> None:
    with pytest.raises(ProcessLost, match=r"ended with exit code 1\. It had not begun; the worker's log says why"):
        await make("no_such_kind").reserve()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit needs /proc")
@pytest.mark.parametrize("piece", [16, 100_000, 1 << 30])
async def test_more_memory_than_the_kind_may_take_is_an_error_of_the_handler(make: Make, piece: int) -> None:
    processes = make("allocate", slots=1)
    before = await run(processes, total=100 << 20, piece=1 << 20)
    with pytest.raises(HandlerRaised) as caught:
        await run(processes, total=1 << 30, piece=piece)
    assert is_instance_of(caught.value, (MemoryError,))
    assert "in allocate" in caught.value.traceback
    after = await run(processes, total=100 << 20, piece=1 << 20)
    assert after != before  # with a process whose memory is whole


async def test_a_handler_that_looks_returns_when_it_is_cancelled_and_its_process_is_used_again(make: Make) -> None:
    processes, log = make("until_cancelled", slots=1), EventLog()
    child, calling = await begin(processes, log)
    await until(lambda: log.chunks, "the handler to run")
    await processes.stop(child, calling)
    outcome = calling.result()
    assert isinstance(outcome, Succeeded)
    assert msgspec.json.decode(outcome.result) == child.pid

    log = EventLog()
    again, calling = await begin(processes, log)
    assert again is child
    await until(lambda: log.chunks, "the handler to run")  # it does not take itself for cancelled
    done, _ = await asyncio.wait({calling}, timeout=0.05)
    assert not done


async def test_a_handler_that_does_not_look_is_killed_and_its_slot_is_free_then(make: Make) -> None:
    processes = make("spin_in_process", slots=1)
    child, calling = await begin(processes)
    began = asyncio.get_running_loop().time()
    await processes.stop(child, calling)
    assert asyncio.get_running_loop().time() - began >= END_GRACE_SECONDS
    assert child.ended.result() == -signal.SIGKILL
    assert await processes.reserve() is not child


async def test_a_log_that_is_away_does_not_keep_a_cancelled_call(make: Make) -> None:
    processes, log = make("echo_in_process", slots=1), EventLog()
    log.gate.clear()
    child, calling = await begin(processes, log, text="x")
    await until(lambda: log.appending, "the handler to wait for the log")
    await processes.stop(child, calling)
    assert calling.cancelled()
    assert child.ended.done()


async def test_signals_to_all_processes_of_a_service_are_left_to_the_worker(make: Make) -> None:
    processes, log = make("until_cancelled"), EventLog()
    child, calling = await begin(processes, log)
    await until(lambda: log.chunks, "the handler to run")
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(child.pid, number)
    await processes.stop(child, calling)
    assert isinstance(calling.result(), Succeeded)


async def test_closing_kills_what_runs_and_what_is_idle(make: Make) -> None:
    processes, log = make("until_cancelled"), EventLog()
    running, calling = await begin(processes, log)
    ready = await processes.reserve()
    await until(lambda: log.chunks, "the handler to run")
    await processes.close()
    assert running.ended.done()
    assert ready.ended.done()
    with pytest.raises(ProcessLost):
        await calling


def test_a_process_ends_when_its_worker_is_gone_whatever_its_handler_does() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "headrace.worker.handler_process", PACKAGE, "spin_in_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(len(pack(Ready()))) == pack(Ready())
        process.stdin.write(pack(Call("t1", 1, b"{}")))
        process.stdin.flush()
        with suppress(BrokenPipeError):
            process.stdin.close()
        assert process.wait(timeout=30) == -signal.SIGKILL
