"""`headrace up`: run NATS, Postgres and every Headrace process on this machine until a signal stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from typing import NamedTuple

from headrace.embedded.counts import Counts
from headrace.embedded.errors import EmbeddedError
from headrace.embedded.home import Home
from headrace.embedded.machine import BuildWeb, Commands, Machine
from headrace.embedded.prefixed_output import PrefixedOutput
from headrace.settings import Settings

KILLED = 130  # as a shell reports a program that Ctrl-C ended


def headrace_argv(*words: str) -> Sequence[str]:
    """Return the arguments that run a command of Headrace."""
    return (sys.executable, "-m", "headrace", *words)


CHILDREN: Commands = {name: headrace_argv(name) for name in ("api", "worker", "projector")}


class Programs(NamedTuple):
    """What is run: the absolute path and the arguments of each program.

    Attributes:
        migrate: It is run to its end before the others start.
        provision: It is run to its end each time when NATS has started.
        admin: It makes the first administrator while the others start.
        children: They are kept running, by role; ``api`` is stopped before the others.
        counts: How many of each role.
    """

    migrate: Sequence[str] = headrace_argv("migrate")
    provision: Sequence[str] = headrace_argv("provision")
    admin: Sequence[str] = headrace_argv("admin", "set-up")
    children: Commands = CHILDREN
    counts: Counts = Counts()


PROGRAMS = Programs()


async def up(
    settings: Settings,
    home: Home,
    host: str,
    port: int,
    *,
    programs: Programs = PROGRAMS,
    environ: Mapping[str, str] = os.environ,
    build_web: BuildWeb | None = None,
) -> int:
    """Run everything until SIGINT or SIGTERM; a second one kills at once.

    Standard error shows what happens. Standard output gets one line, ``ready http://<host>:<port>``, when the API is ready.

    Args:
        settings: The settings, as read from ``environ``.
        home: The data directory.
        host: The address that the API listens on.
        port: The port that the API listens on.
        programs: What is run.
        environ: The environment of the children. It may name another NATS or Postgres to use instead of the embedded one.
        build_web: Builds the web app while everything else starts, and says what it does; None when that is left out.

    Returns:
        The exit code: 0 after a signal, `KILLED` after a second one, 2 when the caller has to change a setting or an
        argument, 1 when a server or process did not start.
    """
    output = PrefixedOutput()
    machine = Machine(settings, home, host, port, environ, output)
    with closing(output), _received_signals(machine.kill) as signals:
        try:
            await _run(machine, home, programs, signals, build_web)
        except EmbeddedError as error:
            output.say(str(error))
            return error.exit_code
        except asyncio.CancelledError:
            if not signals.received:
                raise
        return KILLED if signals.received_again else 0


async def _run(
    machine: Machine,
    home: Home,
    programs: Programs,
    signals: _Signals,
    build_web: BuildWeb | None,
) -> None:
    """Start everything in order, keep it running until cancelled, and stop it in the opposite order."""
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(home)
            await machine.end_left_over()
            machine.plan_children(stack, programs.children, programs.counts)
            if build_web is not None:
                machine.start_building(stack, build_web)
            await machine.start_postgres(stack)
            await machine.start_nats(stack, programs.provision)
            await machine.migrate(programs.migrate)
            await machine.start_children(stack, programs.children)
            await machine.make_admin(programs.admin)
            await machine.wait_until_ready()
            await machine.say_ready()
            await machine.keep_running()
        finally:
            signals.stopping = True


class _Signals:
    """SIGINT, SIGTERM and SIGHUP: the first one cancels the task, one that comes during the stop calls ``kill``."""

    def __init__(self, task: asyncio.Task[object], kill: Callable[[], None]) -> None:
        self._task = task
        self._kill = kill
        self.received = False
        self.received_again = False
        self.stopping = False

    def receive(self) -> None:
        if self.stopping or self.received:
            self.received_again = True
            self._kill()
        else:
            self.received = True
            self._task.cancel()


@contextmanager
def _received_signals(kill: Callable[[], None]) -> Generator[_Signals]:
    task = asyncio.current_task()
    assert task is not None
    signals = _Signals(task, kill)
    loop = asyncio.get_running_loop()
    # A signal that is ignored, as SIGHUP under nohup, stays ignored.
    handled = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    for number in handled:
        loop.add_signal_handler(number, signals.receive)
    try:
        yield signals
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
