"""`headrace up`: NATS, Postgres and every Headrace process on this machine, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager

from headrace.embedded.errors import EmbeddedError
from headrace.embedded.home import Home
from headrace.embedded.machine import Commands, Machine
from headrace.embedded.network import authority, check_port
from headrace.embedded.output import Output
from headrace.settings import Settings

KILLED = 130  # as a shell reports a program that Ctrl-C ended


def command(name: str) -> Sequence[str]:
    """How to run one of our own commands."""
    return (sys.executable, "-m", "headrace", name)


MIGRATE = command("migrate")
CHILDREN: Commands = {name: command(name) for name in ("api", "worker", "projector")}


async def up(
    settings: Settings,
    home: Home,
    host: str,
    port: int,
    *,
    migrate: Sequence[str] = MIGRATE,
    children: Commands = CHILDREN,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """Run everything until SIGINT or SIGTERM; a second one kills at once.

    Standard error tells what happens. Standard output gets one line, ``ready http://<host>:<port>``, when the API is ready.

    Args:
        settings: The settings, as read from ``environ``.
        home: Where the data is.
        host: Where the API listens.
        port: Its port.
        migrate: What is run to its end before the others start: absolute path and arguments.
        children: What is kept running, by name; ``api`` is stopped before the others.
        environ: What the children get, and what says whether NATS and Postgres are somebody else's.

    Returns:
        The exit code: 0 when told to stop, 2 when the caller has to change something, 1 when something did not start,
        `KILLED` when told twice.
    """
    output = Output()
    machine = Machine(settings, home, host, port, environ, output)
    with _signals(machine.kill) as signals:
        try:
            async with AsyncExitStack() as stack:
                try:
                    stack.enter_context(home)
                    await machine.end_left_over()
                    check_port(host, port)
                    await machine.start_postgres(stack)
                    await machine.start_nats(stack)
                    await machine.migrate(migrate)
                    await machine.start_children(stack, children)
                    await machine.wait_until_ready()
                    sys.stdout.write(f"ready http://{authority(host, port)}\n")
                    sys.stdout.flush()
                    await machine.keep_running()
                finally:
                    signals.stopping = True
        except EmbeddedError as error:
            output.say(str(error))
            return error.exit_code
        except asyncio.CancelledError:
            if not signals.told:
                raise
        return KILLED if signals.told_again else 0


class _Signals:
    """SIGINT, SIGTERM and SIGHUP: the first cancels the task, any that comes while we stop calls ``kill``."""

    def __init__(self, task: asyncio.Task[object], kill: Callable[[], None]) -> None:
        self._task = task
        self._kill = kill
        self.told = False
        self.told_again = False
        self.stopping = False

    def receive(self) -> None:
        if self.stopping or self.told:
            self.told_again = True
            self._kill()
        else:
            self.told = True
            self._task.cancel()


@contextmanager
def _signals(kill: Callable[[], None]) -> Generator[_Signals]:
    task = asyncio.current_task()
    assert task is not None
    signals = _Signals(task, kill)
    loop = asyncio.get_running_loop()
    handled = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN  # nohup
    ]
    for number in handled:
        loop.add_signal_handler(number, signals.receive)
    try:
        yield signals
    finally:
        for number in handled:
            loop.remove_signal_handler(number)
