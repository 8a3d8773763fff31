"""A program that lives and does not answer is ended and started again; one that is slow, or was asleep, is not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from headrace.embedded import liveness
from headrace.embedded.child import Child
from headrace.embedded.liveness import until_unresponsive
from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.network import free_ports
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.embedded.supervisor import Supervisor
from tests.embedded.conftest import alive, until

ANSWERS = """
import asyncio, faulthandler, sys

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    await writer.drain()
    writer.close()
    print("answers", flush=True)

async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

faulthandler.enable()
asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "PROBE_INTERVAL_SECONDS", 0.1)


async def test_a_program_that_lives_and_does_not_answer_is_ended_with_its_stacks_and_started_again() -> None:
    said: list[str] = []
    written: list[str] = []
    (port,) = free_ports(1)
    child = Child(
        (sys.executable, "-c", ANSWERS, str(port)),
        environ=os.environ,
        grace=1,
        on_line=written.append,
        health=("127.0.0.1", port),
    )
    supervisor = Supervisor(said.append, lambda: None)
    await supervisor.start("worker", child)
    await until(lambda: written.count("answers") > 1, "the first answers")
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    await until(lambda: child.pid not in (None, first), f"another process; {said}")
    assert said[0] == "worker lives and does not answer (no answer, 5 times in a row); ending it"
    assert said[1].startswith("worker ended (killed by SIG")
    written.clear()
    await until(lambda: "answers" in written, "the next one to answer")
    await supervisor.stop("worker")


@pytest.mark.parametrize("server", [EmbeddedNats, EmbeddedPostgres])
async def test_a_server_that_lives_and_does_not_answer_is_replaced(
    server: type[EmbeddedNats | EmbeddedPostgres], place: Path
) -> None:
    said: list[str] = []
    program = server(place / "server")
    supervisor = Supervisor(said.append, lambda: None)
    await supervisor.start("server", program)
    first = program.pid
    assert first is not None
    left = [psutil.Process(first), *psutil.Process(first).children()]
    for each in left:
        each.send_signal(signal.SIGSTOP)
    await until(lambda: program.pid not in (None, first), f"another process; {said}")
    assert said[0] == "server lives and does not answer (no answer, 5 times in a row); ending it"
    await until(lambda: not [each for each in left if alive(each.pid)], "what was left of it to be gone")
    await supervisor.stop("server")


class Replies:
    """A probe that gives these answers, and the last one again and again."""

    def __init__(self, *given: str | None) -> None:
        self._left = list(given)
        self.asked = 0

    async def __call__(self) -> str | None:
        self.asked += 1
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


async def test_a_few_answers_that_do_not_come_are_forgiven_and_only_so_many_in_a_row_count() -> None:
    missed = ["refused"] * (liveness.MISSES_MAX - 1)
    probe = Replies(None, *missed, None, *missed, None)
    watching = asyncio.create_task(until_unresponsive(probe))
    await until(lambda: probe.asked > 2 * len(missed) + 3, "all the answers")
    assert not watching.done()
    watching.cancel()
    assert "refused, 5 times in a row" in await until_unresponsive(Replies(None, "refused"))


async def test_a_program_that_starts_slowly_is_left_alone_until_its_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Replies("refused")
    slow = asyncio.create_task(until_unresponsive(probe))
    await until(
        lambda: probe.asked > 2 * liveness.MISSES_MAX, "twice as many misses as a program has that had answered"
    )
    assert not slow.done()
    slow.cancel()
    monkeypatch.setattr(liveness, "START_SECONDS", 0.2)
    assert "has not answered since it was started" in await until_unresponsive(Replies("refused"))


async def test_a_program_that_listens_and_never_answers_is_not_waited_for_as_one_that_starts() -> None:
    assert "no answer, 5 times in a row" in await until_unresponsive(Replies("refused", "refused", liveness.NO_ANSWER))
