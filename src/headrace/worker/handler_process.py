"""The process that runs handlers of one kind, a task at a time: ``python -m headrace.worker.handler_process <package> <kind>``.

Frames come in on standard input and go out on what was standard output; both are moved out of the handler's reach, so what it
prints goes to standard error. The handler runs in the main thread; another reads frames, and ends the process when the worker
is gone. What is imported here is in every such process: nothing that speaks to NATS, no event loop.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import NamedTuple

import msgspec

from headrace.task import AnyKind, LogLevel, Retry, load_kinds
from headrace.worker.outcomes import (
    MESSAGE_CHARS_MAX,
    TRACEBACK_CHARS_MAX,
    Failed,
    Succeeded,
    full_name,
    returned,
    traceback_from,
    what_it_says,
)
from headrace.worker.pipe_protocol import (
    Again,
    Answer,
    Call,
    Cancel,
    Emit,
    FromChild,
    Heard,
    Log,
    Progress,
    Raised,
    Ready,
    Result,
    ToChild,
    Unfit,
    Unpacker,
    pack,
)
from headrace.worker.text import LINE_CHARS_MAX, legible

READ_BYTES = 64 << 10  # what a pipe holds
OOM_SCORE = "500"  # of 1000: when memory runs out, the system is to take this process and not the worker

Ended = Result | Unfit | Again | Raised

ERRORS: dict[str, type[Exception]] = {"TypeError": TypeError, "ValueError": ValueError}


def main(package: str, name: str) -> None:
    """Run tasks until the worker is gone."""
    _outlive_signals()
    faulthandler.enable()
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    pipes = Pipes()
    pipes.listen()
    kind = load_kinds(package, [name])[name]
    limits = Limits.of(kind.memory) if kind.memory is not None else None
    pipes.send(Ready())
    while True:
        context, raw = pipes.calls.get()
        context.end(_run(kind, context, raw, limits))
        del context, raw  # an idle process holds on to nothing


def _run(kind: AnyKind, context: ProcessContext, raw: bytes, limits: Limits | None) -> Ended:
    try:
        outcome = _call(kind, context, raw, limits)
    except Retry as asked:
        return _again(asked)
    except BaseException as error:  # noqa: BLE001 - sys.exit() included: whatever a handler raises is its outcome
        traceback.clear_frames(error.__traceback__)  # what the handler held is free again before this is written
        return Raised(
            tuple(legible(full_name(each), MESSAGE_CHARS_MAX) for each in type(error).__mro__),
            legible(what_it_says(error), MESSAGE_CHARS_MAX),
            legible(traceback_from(error, kind.file)[-TRACEBACK_CHARS_MAX:], TRACEBACK_CHARS_MAX),
        )
    match outcome:
        case Succeeded(result):
            return Result(result)
        case Failed(code, message):
            return Unfit(code, legible(message, MESSAGE_CHARS_MAX))
        case Retry():
            return _again(outcome)


def _call(kind: AnyKind, context: ProcessContext, raw: bytes, limits: Limits | None) -> Succeeded | Failed | Retry:
    if limits is not None:
        resource.setrlimit(resource.RLIMIT_AS, limits.for_handler)
    try:
        result = kind(kind.decode_input(raw), context)
        return result if isinstance(result, Retry) else returned(kind, result)
    finally:  # there may be no memory for as little as another frame
        if limits is not None:
            resource.setrlimit(resource.RLIMIT_AS, limits.otherwise)


def _again(asked: Retry) -> Again:
    return Again(asked.after, legible(what_it_says(asked), MESSAGE_CHARS_MAX))


class Limits(NamedTuple):
    """Limits of address space: soft and hard, as `resource.setrlimit` takes them."""

    for_handler: tuple[int, int]
    otherwise: tuple[int, int]  # so that the handler's end can be told in any case

    @classmethod
    def of(cls, memory: int) -> Limits | None:
        """Limits with which a handler can take ``memory`` beyond what is mapped now; none without ``/proc`` (macOS)."""
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        try:
            mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        except OSError:
            return None
        known = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
        return cls((min([mapped + memory, *known]), hard), (soft, hard))


class Pipes:
    """Both pipes to the worker."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[tuple[ProcessContext, bytes]] = SimpleQueue()
        self._in, self._out = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, frame: FromChild) -> None:
        """Write a frame; safe from any thread.

        Raises:
            ValueError: it is over 16 MB.
        """
        data = memoryview(pack(frame))
        with self._lock:
            while data:
                data = data[os.write(self._out, data) :]

    def listen(self) -> None:
        """Read frames in a thread, for as long as this process lives."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()

    def _listen(self) -> None:
        try:
            unpacker = Unpacker(msgspec.msgpack.Decoder(ToChild))
            context: ProcessContext | None = None
            while data := os.read(self._in, READ_BYTES):
                for frame in unpacker.feed(data):
                    if isinstance(frame, Call):
                        context = ProcessContext(self, frame)
                        self.calls.put((context, frame.input))
                    elif context is not None:
                        context.take(frame)
            _end()
        except BaseException:  # noqa: BLE001 - without this thread the process hears nothing any more
            traceback.print_exc()
            os._exit(1)


class ProcessContext:
    """A `headrace.task.SyncContext` whose worker is another process."""

    def __init__(self, pipes: Pipes, call: Call) -> None:
        self.task_id = call.task_id
        self.attempt = call.attempt
        self.cancelled = False
        self._pipes = pipes
        self._lock = threading.Lock()
        self._ended = False
        self._unheard = False
        self._held: Progress | None = None
        self._asking = threading.Lock()
        self._answers: SimpleQueue[Answer] = SimpleQueue()

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `headrace.task.Context.progress`. Raises ValueError when ``fraction`` is not from 0 to 1."""
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress({fraction!r}): the fraction is from 0 to 1")
        said = Progress(float(fraction), None if message is None else legible(message, LINE_CHARS_MAX))
        with self._lock:
            if self._unheard or self._ended:
                self._held = said  # the latest, for when the worker has heard the one before
            else:
                self._unheard = True
                self._pipes.send(said)

    def log(self, message: str, level: LogLevel = "info") -> None:
        """See `headrace.task.Context.log`."""
        self._ask(Log(legible(message, LINE_CHARS_MAX), str(level)))

    def emit(self, chunk: object) -> None:
        """See `headrace.task.Context.emit`. Raises TypeError when ``chunk`` has no JSON form, ValueError over 256 KB."""
        self._ask(Emit(msgspec.json.encode(chunk)))

    def take(self, frame: Answer | Heard | Cancel) -> None:
        """What the worker says while the handler runs."""
        match frame:
            case Cancel():
                self.cancelled = True
            case Answer():
                self._answers.put(frame)
            case Heard():
                with self._lock:
                    self._unheard = self._held is not None and not self._ended
                    if self._unheard:
                        self._send_held()

    def end(self, outcome: Ended) -> None:
        """Say how the handler ended; after this, nothing of this task follows."""
        with self._lock:
            self._send_held()
            self._ended = True
            self._pipes.send(outcome)

    def _send_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._pipes.send(held)

    def _ask(self, said: Log | Emit) -> None:
        with self._asking:
            with self._lock:
                if self._ended:  # a thread that the handler left behind
                    raise RuntimeError("the task has ended; nothing more can be said about it")
                self._pipes.send(said)
            answer = self._answers.get()
        if answer.error is not None:
            raise ERRORS.get(answer.error, RuntimeError)(answer.message)


def _outlive_signals() -> None:
    """Leave what is sent to all processes of a service to the worker, which ends this one when its tasks have ended."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _nothing)  # not SIG_IGN, which a program that the handler starts would inherit
    os.register_at_fork(after_in_child=_restore_signals)


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    pass


def _restore_signals() -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_DFL)


def _end() -> None:
    if os.getpgrp() == os.getpid():  # as its worker starts it
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BaseException:  # noqa: BLE001 - and threads that a handler left behind do not keep it
        traceback.print_exc()
        os._exit(1)
