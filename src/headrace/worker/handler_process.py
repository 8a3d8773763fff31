"""The process that runs handlers of one kind, a task at a time: ``python -m headrace.worker.handler_process <package> <kind>``.

Frames come in on standard input and go out on standard output. Both are moved out of the handler's reach, so what a handler
prints goes to standard error. The handler runs in the main thread. Another thread reads frames, and ends the process when the
worker has gone. Every such process imports what this module imports, so it imports nothing that speaks to NATS.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple, cast

from headrace import forks
from headrace.sdk.kind import AnyKind
from headrace.sdk.load import load_kinds
from headrace.sdk.retries import Retry
from headrace.worker.outcomes import (
    MESSAGE_CHARS_MAX,
    TRACEBACK_CHARS_MAX,
    Failed,
    Succeeded,
    guarded,
    message_of,
    names_of,
    returned,
    traceback_from,
    wait_of,
)
from headrace.worker.pipe_protocol import InvalidResult, Raised, Ready, Result, RetryAsked
from headrace.worker.process_context import Ended, Pipes, ProcessContext
from headrace.worker.text import legible

OOM_SCORE = "500"  # of 1000: when memory runs out, the system kills this process and not the worker


def main(package: str, name: str) -> None:
    """Run tasks of a kind until the worker has gone."""
    _ignore_signals()
    faulthandler.enable()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    pipes = Pipes()
    pipes.listen()
    kind = load_kinds(package, [name])[name]
    limits = Limits.of(kind.options.memory) if kind.options.memory is not None else None
    pipes.send(Ready())
    while True:
        context, raw = pipes.calls.get()
        ended = _run(kind, context, raw, limits)
        forks.end_forked_child()
        context.end(ended)
        # An idle process must not keep the memory of its last task.
        del context, raw


def _run(kind: AnyKind, context: ProcessContext, raw: bytes, limits: Limits | None) -> Ended:
    try:
        left = _call(kind, context, raw, limits)
    except BaseException as error:  # noqa: BLE001 - sys.exit() included: whatever a handler raises is its outcome
        left = error
    match left:
        case Succeeded(result):
            return Result(result)
        case Failed(code, message):
            return InvalidResult(code, legible(message, MESSAGE_CHARS_MAX))
        case _:
            return _describe(left, kind)


def _call(kind: AnyKind, context: ProcessContext, raw: bytes, limits: Limits | None) -> Succeeded | Failed | Retry:
    if limits is not None:
        resource.setrlimit(resource.RLIMIT_AS, limits.for_handler)
    try:
        return returned(kind, kind(kind.decode_input(raw), context))
    finally:
        # The limit is lifted in this frame: there may be no memory for as little as another one.
        if limits is not None:
            resource.setrlimit(resource.RLIMIT_AS, limits.otherwise)


def _describe(error: BaseException, kind: AnyKind) -> RetryAsked | Raised:
    """Describe what a handler raised, or returned as `Retry`, as far as that is possible."""
    if guarded(lambda: isinstance(error, Retry), otherwise=False):
        return RetryAsked(wait_of(cast("Retry", error)), legible(message_of(error), MESSAGE_CHARS_MAX))
    # The memory that the handler held is freed first: writing this may need some.
    guarded(lambda: traceback.clear_frames(error.__traceback__), otherwise=None)
    return Raised(
        tuple(legible(each, MESSAGE_CHARS_MAX) for each in names_of(error)),
        legible(message_of(error), MESSAGE_CHARS_MAX),
        legible(traceback_from(error, kind.file)[-TRACEBACK_CHARS_MAX:], TRACEBACK_CHARS_MAX),
    )


class Limits(NamedTuple):
    """Limits of address space: soft and hard, as `resource.setrlimit` takes them.

    Attributes:
        for_handler: The limits while a handler runs.
        otherwise: The limits before and after, so that the process can always send how the handler ended.
    """

    for_handler: tuple[int, int]
    otherwise: tuple[int, int]

    @classmethod
    def of(cls, memory: int) -> Limits | None:
        """Let a handler use ``memory`` bytes beyond what is mapped now. Returns None without ``/proc`` (macOS)."""
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        try:
            mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        except OSError:
            return None
        known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
        return cls((min([mapped + memory, *known]), hard), (soft, hard))


def _ignore_signals() -> None:
    """Ignore signals that are sent to all processes of a service. The worker ends this process when its tasks have ended."""
    for each in (signal.SIGINT, signal.SIGTERM):
        # SIG_IGN would be inherited by a program that the handler starts; a function is not.
        signal.signal(each, _do_nothing)
    forks.separate_children(signal.SIGINT, signal.SIGTERM)


def _do_nothing(_signal: int, _frame: FrameType | None) -> None:
    pass


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BaseException:  # noqa: BLE001 - and threads that a handler left behind must not keep the process
        traceback.print_exc()
        os._exit(1)
