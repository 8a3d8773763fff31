"""What a child that is forked from one of our processes must not share with it: signal handlers and descriptors.

A handler may fork without knowing it, as `multiprocessing` does. A forked child has the handlers of SIGTERM and the descriptor
through which signals wake the event loop, so that a signal to the child would stop its parent. It also has every socket: the
server would take a connection for open, and the address of the health checks for taken, after the process itself is gone.
"""

from __future__ import annotations

import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol


class OwnsDescriptors(Protocol):
    """Something whose open descriptors belong to this process alone."""

    def descriptors(self) -> Iterable[int]:
        """The descriptors that are open now."""
        ...


class _Forked:
    """Whether this process is such a child."""

    is_child = False


_owners: weakref.WeakSet[OwnsDescriptors] = weakref.WeakSet()


def keep_from_children(owner: OwnsDescriptors) -> None:
    """Have the descriptors of ``owner`` closed in every forked child, for as long as ``owner`` exists."""
    _owners.add(owner)


def separate_children(*signals: signal.Signals) -> None:
    """Give every child that is forked from now on the default handlers of ``signals``, and no descriptor of ours.

    A child that is sent a signal before it has its own handlers gets the signal once it has them, and its parent never.
    """
    mask = threading.local()

    def hold() -> None:
        mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def let_go() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask.before)

    def separate() -> None:
        _separate(signals)
        let_go()

    os.register_at_fork(before=hold, after_in_parent=let_go, after_in_child=separate)


def in_children_of_this_thread(call: Callable[[], None]) -> None:
    """Have ``call`` called in every child that is forked from the calling thread."""
    thread = threading.get_ident()
    os.register_at_fork(after_in_child=lambda: call() if threading.get_ident() == thread else None)


def end_forked_child() -> None:
    """End this process if it is a forked child: a handler returned in it, and its parent does all that follows."""
    if _Forked.is_child:
        os._exit(0)


def _separate(signals: Iterable[signal.Signals]) -> None:
    _Forked.is_child = True
    # In a child the forking thread is the main thread, which may set handlers.
    signal.set_wakeup_fd(-1)
    for each in signals:
        signal.signal(each, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for owner in list(_owners):
        # Whatever the owner was doing in the moment of the fork, the child must not fail because of it.
        with suppress(Exception):
            for descriptor in owner.descriptors():
                # A number that is closed could be given to something else, which the event loop would then use.
                os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)
