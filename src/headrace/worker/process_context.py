"""The context of a handler that runs in its own process, and the pipes over which it reaches the worker.

Every process of a handler imports this module, so it imports nothing that speaks to NATS.
"""

from __future__ import annotations

import os
import signal
import threading
import traceback
import uuid
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import msgspec

from headrace.contracts.files import FileRecord
from headrace.sdk.context import LogLevel
from headrace.sdk.files import (
    FileMissing,
    FileStoreUnavailable,
    FileTooLarge,
    NoFileStore,
    SyncOpenFile,
    SyncSource,
    checked_media_type,
    checked_name,
)
from headrace.sdk.local_files import LocalFile, write_source
from headrace.sdk.said import to_fraction, to_json, to_level, to_text
from headrace.worker.pipe_protocol import (
    Answer,
    Call,
    Cancel,
    Emit,
    Fetch,
    FromChild,
    InvalidResult,
    Log,
    Open,
    Progress,
    ProgressAccepted,
    Raised,
    Result,
    RetryAsked,
    Save,
    ToChild,
    Unpacker,
    pack,
)
from headrace.worker.text import LINE_CHARS_MAX, legible

READ_BYTES = 64 << 10  # as many as a pipe holds

Ended = Result | InvalidResult | RetryAsked | Raised

ERRORS: dict[str, Callable[[str], Exception]] = {
    each.__name__: each
    for each in (TypeError, ValueError, OSError, FileMissing, FileTooLarge, NoFileStore, FileStoreUnavailable)
}

_decode_record = msgspec.json.Decoder(FileRecord).decode


class Pipes:
    """Both pipes between the worker and this process."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[tuple[ProcessContext, bytes]] = SimpleQueue()
        self._in, self._out = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, frame: FromChild) -> None:
        """Send a frame. Any thread may call this.

        Raises:
            ValueError: the frame is over 16 MB.
        """
        data = memoryview(pack(frame))
        with self._lock:
            while data:
                data = data[os.write(self._out, data) :]

    def listen(self) -> None:
        """Receive frames in a thread, for as long as this process lives."""
        threading.Thread(target=self._receive_or_exit, name="listen", daemon=True).start()

    def _receive_or_exit(self) -> None:
        try:
            self._receive()
            _end()
        except BaseException:  # noqa: BLE001 - without this thread the process receives nothing any more
            traceback.print_exc()
            os._exit(1)

    def _receive(self) -> None:
        """Receive frames until the worker closes the pipe."""
        unpacker = Unpacker(msgspec.msgpack.Decoder(ToChild))
        context: ProcessContext | None = None
        while data := os.read(self._in, READ_BYTES):
            for frame in unpacker.feed(data):
                if isinstance(frame, Call):
                    context = ProcessContext(self, frame)
                    self.calls.put((context, frame.input))
                elif context is not None:
                    context.receive(frame)


class ProcessContext:
    """A `headrace.task.SyncContext` whose worker is another process."""

    def __init__(self, pipes: Pipes, call: Call) -> None:
        self.task_id = call.task_id
        self.attempt = call.attempt
        self.cancelled = False
        self._directory = Path(call.directory)
        self._pipes = pipes
        self._lock = threading.Lock()
        self._ended = False
        self._progress_sent = False
        self._held: Progress | None = None
        self._one_request = threading.Lock()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._copies: dict[str, Path] = {}

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `headrace.task.Context.progress`.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not from 0 to 1.
        """
        text = None if message is None else legible(to_text(message), LINE_CHARS_MAX)
        progress = Progress(to_fraction(fraction), text)
        with self._lock:
            if self._progress_sent or self._ended:
                # Only the latest progress is sent when the worker has accepted the one before.
                self._held = progress
            else:
                self._progress_sent = True
                self._pipes.send(progress)

    def log(self, message: str, level: LogLevel = "info") -> None:
        """See `headrace.task.Context.log`.

        Raises:
            TypeError: ``message`` is no str.
            ValueError: there is no such ``level``.
        """
        self._request(Log(legible(to_text(message), LINE_CHARS_MAX), to_level(level)))

    def emit(self, chunk: object) -> None:
        """See `headrace.task.Context.emit`.

        Raises:
            TypeError: ``chunk`` has no JSON form.
            ValueError: ``chunk`` has more than 256 KB.
        """
        self._request(Emit(to_json(chunk)))

    def open(self, file: str) -> SyncOpenFile:
        """See `headrace.task.Context.open`."""
        record = _decode_record(self._request(Open(to_text(file))))
        return LocalFile(record, lambda: self._fetch(record.id))

    def save(self, name: str, source: SyncSource, media_type: str) -> FileRecord:
        """See `headrace.task.Context.save`."""
        checked, of_type = checked_name(name), checked_media_type(media_type)
        own = self._directory / str(uuid.uuid4())
        try:
            # The worker reads it from there, so that no file passes through the pipe.
            path = write_source(source, own)
            return _decode_record(self._request(Save(checked, str(path), of_type)))
        finally:
            own.unlink(missing_ok=True)

    def receive(self, frame: Answer | ProgressAccepted | Cancel) -> None:
        """Receive a frame that the worker sends while the handler runs."""
        match frame:
            case Cancel():
                self.cancelled = True
            case Answer():
                self._answers.put(frame)
            case ProgressAccepted():
                with self._lock:
                    self._progress_sent = self._held is not None and not self._ended
                    if self._progress_sent:
                        self._send_held()

    def end(self, outcome: Ended) -> None:
        """Send how the handler ended. Nothing of this task may follow."""
        with self._lock:
            self._send_held()
            self._ended = True
            self._pipes.send(outcome)

    def _send_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._pipes.send(held)

    def _fetch(self, file: str) -> Path:
        if file not in self._copies:
            self._copies[file] = Path(os.fsdecode(self._request(Fetch(file))))
        return self._copies[file]

    def _request(self, frame: Log | Emit | Open | Fetch | Save) -> bytes:
        """Send a frame, wait for its answer, and return what that has."""
        with self._one_request:
            with self._lock:
                if self._ended:
                    # The handler has left behind a thread that still uses its context.
                    raise RuntimeError("the task has ended; nothing more can be said about it")
                self._pipes.send(frame)
            answer = self._answers.get()
        if answer.error is not None:
            raise ERRORS.get(answer.error, RuntimeError)(answer.message)
        return answer.value


def _end() -> None:
    """End this process and every process that its handlers started."""
    # A worker starts the process as the leader of a group of its own.
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
