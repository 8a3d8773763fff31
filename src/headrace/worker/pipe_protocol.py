"""The protocol between a worker and a process that runs handlers: frames over two pipes, msgpack behind its length.

A worker sends a `Call`. The process sends what the handler says, then how it ended. Each `Log`, `Emit`, `Open`, `Fetch` and `Save`
waits for its `Answer`, and each `Progress` for its `ProgressAccepted`, so at most one of each is under way and no handler can flood its
worker.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from headrace.contracts.large_values import VALUE_BYTES_MAX
from headrace.contracts.tasks import FailureCode

FRAME_BYTES_MAX = 16 << 20  # what handlers say is far smaller; more is a handler's mistake
VALUE_FRAME_BYTES_MAX = VALUE_BYTES_MAX + (1 << 20)  # of an input or a result, and what is around it; more is no frame
LENGTH_BYTES = 4


class Call(Struct, frozen=True, tag="call"):
    """The worker has a task run; ``input`` is JSON, and local files of the attempt are in ``directory``, once it is made."""

    task_id: str
    attempt: int
    input: bytes
    directory: str = ""


class Answer(Struct, frozen=True, tag="answer"):
    """The worker has done what was asked, and says in ``value`` what came of it; or it cannot, and names an exception and its message."""

    error: str | None = None
    message: str = ""
    value: bytes = b""


class ProgressAccepted(Struct, frozen=True, tag="progress_accepted"):
    """The worker has the progress; the process may send the next one."""


class Cancel(Struct, frozen=True, tag="cancel"):
    """Somebody cancelled the task."""


class Ready(Struct, frozen=True, tag="ready"):
    """The process has loaded the kind and can be called."""


class Progress(Struct, frozen=True, tag="progress"):
    """The handler reports progress; see `headrace.task.SyncContext.progress`."""

    fraction: float
    message: str | None


class Log(Struct, frozen=True, tag="log"):
    """The handler writes a line; see `headrace.task.SyncContext.log`."""

    message: str
    level: str


class Emit(Struct, frozen=True, tag="emit"):
    """The handler emits a chunk, which is JSON; see `headrace.task.SyncContext.emit`."""

    chunk: bytes


class Open(Struct, frozen=True, tag="open"):
    """The handler opens a file; see `headrace.task.SyncContext.open`. The answer has its `FileRecord` as JSON."""

    file: str


class Fetch(Struct, frozen=True, tag="fetch"):
    """The handler needs a local copy of a file. The answer has its path."""

    file: str


class Save(Struct, frozen=True, tag="save"):
    """The handler saves what is at a path; see `headrace.task.SyncContext.save`. The answer has its `FileRecord` as JSON."""

    name: str
    path: str
    media_type: str


class Result(Struct, frozen=True, tag="result"):
    """The handler returned; ``result`` is JSON."""

    result: bytes


class InvalidResult(Struct, frozen=True, tag="invalid_result"):
    """The handler returned a value that cannot be a result."""

    code: FailureCode
    message: str


class RetryAsked(Struct, frozen=True, tag="retry_asked"):
    """The handler asked for another attempt; see `headrace.task.Retry`."""

    after: float | None
    message: str


class Raised(Struct, frozen=True, tag="raised"):
    """The handler raised; see `headrace.worker.outcomes.HandlerRaised`."""

    type_names: tuple[str, ...]
    message: str
    traceback: str


ToChild = Call | Answer | ProgressAccepted | Cancel
FromChild = Ready | Progress | Log | Emit | Open | Fetch | Save | Result | InvalidResult | RetryAsked | Raised

Frame = TypeVar("Frame")

_encode = msgspec.msgpack.Encoder().encode


def pack(frame: ToChild | FromChild) -> bytes:
    """Encode a frame with its length.

    Raises:
        ValueError: the frame is over 16 MB, or over 1 GB when it has an input or a result.
    """
    body = _encode(frame)
    limit = VALUE_FRAME_BYTES_MAX if isinstance(frame, Call | Result) else FRAME_BYTES_MAX
    if len(body) > limit:
        raise ValueError(f"{len(body):,} bytes are over the limit of {limit:,}")
    return len(body).to_bytes(LENGTH_BYTES) + body


class Unpacker(Generic[Frame]):
    """Decodes frames from the bytes of a pipe, however the pipe cuts them."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Frame]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Add bytes, and return the frames that are complete now.

        Raises:
            ValueError: the bytes are no frames (`msgspec.MsgspecError` is a ValueError).
        """
        self._buffer += data
        frames: list[Frame] = []
        while len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES])
            if length > VALUE_FRAME_BYTES_MAX:
                raise ValueError(f"a frame of {length:,} bytes is over the limit of {VALUE_FRAME_BYTES_MAX:,}")
            end = LENGTH_BYTES + length
            if len(self._buffer) < end:
                break
            frames.append(self._decoder.decode(self._buffer[LENGTH_BYTES:end]))
            del self._buffer[:end]
        return frames
