"""What a worker and the processes that run its handlers tell each other: msgpack behind its length, over two pipes.

A worker calls; the process says what the handler says, then how it ended. What is logged and emitted waits for its `Answer`,
progress for its `Heard`, so that at most one of each is under way and no handler can flood its worker.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from headrace.contracts.tasks import FailureCode

FRAME_BYTES_MAX = 16 << 20  # inputs, results and chunks are far below; more is no frame, or a handler's mistake
LENGTH_BYTES = 4


class Call(Struct, frozen=True, tag="call"):
    """Run a task; ``input`` is JSON."""

    task_id: str
    attempt: int
    input: bytes


class Answer(Struct, frozen=True, tag="answer"):
    """What was logged or emitted was taken, or why not: a built-in exception's name and its message."""

    error: str | None = None
    message: str = ""


class Heard(Struct, frozen=True, tag="heard"):
    """The next progress may come."""


class Cancel(Struct, frozen=True, tag="cancel"):
    """The task was cancelled."""


class Ready(Struct, frozen=True, tag="ready"):
    """The kind is loaded."""


class Progress(Struct, frozen=True, tag="progress"):
    """See `headrace.task.SyncContext.progress`."""

    fraction: float
    message: str | None


class Log(Struct, frozen=True, tag="log"):
    """See `headrace.task.SyncContext.log`."""

    message: str
    level: str


class Emit(Struct, frozen=True, tag="emit"):
    """See `headrace.task.SyncContext.emit`; ``chunk`` is JSON."""

    chunk: bytes


class Result(Struct, frozen=True, tag="result"):
    """The handler returned; ``result`` is JSON."""

    result: bytes


class Unfit(Struct, frozen=True, tag="unfit"):
    """The handler returned what cannot be a result."""

    code: FailureCode
    message: str


class Again(Struct, frozen=True, tag="again"):
    """The handler asked for another attempt; see `headrace.task.Retry`."""

    after: float | None
    message: str


class Raised(Struct, frozen=True, tag="raised"):
    """The handler raised; see `headrace.worker.outcomes.HandlerRaised`."""

    type_names: tuple[str, ...]
    message: str
    traceback: str


ToChild = Call | Answer | Heard | Cancel
FromChild = Ready | Progress | Log | Emit | Result | Unfit | Again | Raised

Frame = TypeVar("Frame")

_encode = msgspec.msgpack.Encoder().encode


def pack(frame: ToChild | FromChild) -> bytes:
    """A frame as bytes.

    Raises:
        ValueError: it is over 16 MB.
    """
    body = _encode(frame)
    if len(body) > FRAME_BYTES_MAX:
        raise ValueError(f"{len(body):,} bytes are over the limit of {FRAME_BYTES_MAX:,}")
    return len(body).to_bytes(LENGTH_BYTES) + body


class Unpacker(Generic[Frame]):
    """Frames out of the bytes of a pipe, however they are cut."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Frame]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; the frames that are complete.

        Raises:
            ValueError: these are no frames (`msgspec.MsgspecError` is one).
        """
        self._buffer += data
        frames: list[Frame] = []
        while len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES])
            if length > FRAME_BYTES_MAX:
                raise ValueError(f"a frame of {length:,} bytes is over the limit of {FRAME_BYTES_MAX:,}")
            end = LENGTH_BYTES + length
            if len(self._buffer) < end:
                break
            frames.append(self._decoder.decode(self._buffer[LENGTH_BYTES:end]))
            del self._buffer[:end]
        return frames
