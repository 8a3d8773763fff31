"""A process ends when its main part does, whatever else goes on in it, and says why."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

PREAMBLE = """
import asyncio, os, signal, socket, sys, threading
from contextlib import asynccontextmanager, suppress
from headrace import event_loop, process
from headrace.process import run_process
from headrace.settings import Settings

process.STOP_MARGIN_SECONDS, process.LAST_WORD_SECONDS = 1.0, 0.5
settings = Settings()

async def ignores_its_stop(settings, stop):
    print("ready", flush=True)
    await stop.wait()
    await asyncio.Event().wait()

async def fails(settings, stop):
    threading.Thread(target=threading.Event().wait).start()
    raise ValueError("something broke")

async def is_ended_again_and_again(settings, stop):
    one, other = socket.socketpair()
    other.send(b"x")
    asyncio.get_running_loop().add_reader(one, sys.exit, 3)
    await asyncio.Event().wait()

async def loses_its_signals(settings, stop):
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.get_running_loop().call_later(0.5, lambda: print("ready", flush=True))
    await stop.wait()
    await asyncio.sleep(0)

process.TAKE_AGAIN_SECONDS = 0.1
event_loop.CLEAN_UP_SECONDS = 0.1

@asynccontextmanager
async def alone():
    try:
        yield
    finally:
        await asyncio.sleep(0)

async def never_ends():
    while True:
        with suppress(BaseException):
            async with alone():
                await asyncio.Event().wait()

async def leaves_a_task_behind(settings, stop):
    stubborn.add(asyncio.create_task(never_ends(), name="stubborn"))
    await asyncio.sleep(0)

stubborn = set()

def ask_child_to_end():
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)

# What is registered first is called first in the child: before the child has handlers of its own.
parent = os.getpid()
os.register_at_fork(after_in_child=ask_child_to_end)

async def has_a_child_that_is_ended_as_it_begins(settings, stop):
    def fork():
        if (child := os.fork()) == 0:
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    print("ended by", -await asyncio.to_thread(fork), flush=True)
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), 0.5)
        print("told to stop", flush=True)
"""


async def _run(main: str, *, terminate: bool) -> tuple[int, str]:
    """Run a process with this main part; returns its exit code and what it logged."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{PREAMBLE}\nsys.exit(run_process('test', settings, {main}))"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    if terminate:
        assert await process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        _, said = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_a_process_that_does_not_stop_when_told_to_is_ended_with_a_line_and_the_stacks_of_its_threads() -> None:
    code, said = await _run("ignores_its_stop", terminate=True)
    assert code == 1
    assert "told to stop and still here" in said
    assert "most recent call first" in said


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ("fails", "ValueError: something broke"),
        ("is_ended_again_and_again", "the event loop is ended again and again"),
    ],
)
async def test_a_process_that_cannot_go_on_ends_at_once_whatever_its_threads_do(main: str, words: str) -> None:
    code, said = await _run(main, terminate=False)
    assert code == 1
    assert words in said


async def test_a_process_stops_when_told_to_although_a_handler_took_its_signals() -> None:
    code, said = await _run("loses_its_signals", terminate=True)
    assert (code, said) == (0, "")


async def test_a_task_that_ignores_its_end_is_left_behind_by_name_and_not_closed_without_a_loop() -> None:
    code, said = await _run("leaves_a_task_behind", terminate=False)
    assert code == 0
    assert "leaving tasks behind that do not end" in said
    assert "stubborn" in said
    assert "Traceback" not in said


async def test_a_child_that_is_ended_as_soon_as_it_is_forked_does_not_tell_its_parent_to_stop() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore::DeprecationWarning", "-c"),
        f"{PREAMBLE}\nsys.exit(run_process('test', settings, has_a_child_that_is_ended_as_it_begins))",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(20):
        printed, _ = await process.communicate()
    assert printed.decode().splitlines() == [f"ended by {signal.SIGTERM.value}"]
    assert process.returncode == 0
