"""End a child of `headrace up` when `up` is gone, also when `up` was killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping

PARENT_PIPE = "HEADRACE_PARENT_PIPE"  # set to "1" when standard input is a pipe that closes when `up` ends
GRACE_SECONDS = 5.0  # after SIGTERM; NATS is gone too, so there is little to finish


def watch_parent(
    on_gone: Callable[[], None] | None = None, *, fd: int = 0, environ: Mapping[str, str] = os.environ
) -> None:
    """Watch the pipe to `up`, if there is one; returns at once.

    When the pipe closes, ``on_gone`` is called in a thread; by default this process gets SIGTERM. If it still runs after
    `GRACE_SECONDS`, its whole process group is killed. It is a thread that watches, because the event loop of a process may
    be blocked, and not every process has one of asyncio.

    The pipe is taken away from standard input, which is at its end from then on: a program that a handler starts may read it,
    and nothing ever comes out of this pipe.
    """
    if environ.get(PARENT_PIPE) == "1":
        pipe = _take(fd)
        # A Headrace program that a handler starts has no such pipe.
        os.environ.pop(PARENT_PIPE, None)
        threading.Thread(target=_watch, args=(on_gone or _terminate, pipe), name="watch-parent", daemon=True).start()


def _take(fd: int) -> int:
    """Put an empty input in the place of a descriptor; returns a new descriptor for what was there."""
    taken = os.dup(fd)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, fd)
    os.close(nothing)
    return taken


def _watch(on_gone: Callable[[], None], fd: int) -> None:
    try:
        while os.read(fd, 1):
            pass
    except OSError:
        # A handler has closed descriptors that are not its own, which says nothing about the parent.
        return
    on_gone()
    threading.Event().wait(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
