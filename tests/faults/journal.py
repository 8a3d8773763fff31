"""What happened in a run, an entry a line: everything that was asked and answered, seen and done (JSONL).

The runner writes it and draws no conclusions; the checker reads it afterwards. Times are seconds: ``at`` on the runner's
monotonic clock since the run began, ``wall`` since 1970.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct


class Entry(Struct, kw_only=True, tag_field="what", omit_defaults=True):
    """One line."""

    at: float = 0.0
    wall: float = 0.0


class Began(Entry, tag="began"):
    """The run, what makes it repeatable, and what its fault allows.

    Attributes:
        allows: Failure codes that a task may end with although it was not expected to; `process_ends`: a process may end.
        loses_log: A stream may be told `reset`.
        removes: Retention removes what is over.
        calls_once: No handler may be called twice for one attempt.
        answers_within: Seconds within which a request is answered that asks for no waiting; None where processes are stopped.
        points: The named points that have to be reached.
    """

    fault: str
    seed: int
    tasks: int
    features: dict[str, bool] = {}
    allows: list[str] = []
    loses_log: bool = False
    removes: bool = False
    calls_once: bool = False
    answers_within: float | None = None
    points: list[str] = []


class Planned(Entry, tag="planned"):
    """One invocation before it is made.

    Attributes:
        number: Its number in the run; stands in every task's input, so a task can be traced to it in the log.
        expect: How each of its tasks may end: `succeeded`, or `failed:<code>`; `refused:<status>` when not accepted at all.
        copies: How often it is sent with the same key at the same time.
        members: Tasks, when it is a batch.
        delay: Seconds it is submitted with.
        attempts: The attempt on which each of its tasks ends.
        schedule: It is a schedule, which makes a task again and again.
    """

    number: int
    kind: str
    expect: list[str]
    key: str | None = None
    copies: int = 1
    members: int = 0
    delay: float | None = None
    attempts: int = 1
    schedule: bool = False


class Scheduled(Entry, tag="scheduled"):
    """A schedule has fired for the whole run: as it was made, and when it was asked to pause and had paused."""

    number: int
    schedule: dict[str, Any]
    asked: str
    paused: str


class Asked(Entry, tag="asked"):
    """A request was sent."""

    number: int
    purpose: str
    to: str


class Answered(Entry, tag="answered"):
    """A request was answered, after so many seconds. ``subject`` is the task or batch that it was about."""

    number: int
    purpose: str
    status: int
    to: str = ""
    seconds: float = 0.0
    code: str = ""
    subject: str = ""
    state: str = ""
    position: str = ""
    expected: bool = True


class Unanswered(Entry, tag="unanswered"):
    """A request was not answered: whether it was accepted is not known. ``seconds`` is how long the client has waited."""

    number: int
    purpose: str
    error: str
    to: str = ""
    seconds: float = 0.0


class GaveUp(Entry, tag="gave_up"):
    """An invocation was not answered for so long that the client stopped asking."""

    number: int
    purpose: str


class Connected(Entry, tag="connected"):
    """A follower opened its stream, after so many seconds. ``of`` is `all`, or the task or batch that it follows."""

    client: str
    of: str
    seconds: float = 0.0
    after: str | None = None


class Seen(Entry, tag="seen"):
    """A follower was given an event; an empty ``event`` is an id alone."""

    client: str
    id: str
    event: str
    task: str = ""
    data: dict[str, Any] = {}


class Cut(Entry, tag="cut"):
    """A follower's stream ended, or was refused after so many seconds."""

    client: str
    why: str
    seconds: float = 0.0


class Sampled(Entry, tag="sampled"):
    """A process' resident memory in bytes, and the CPU time in seconds that it has taken so far."""

    process: str
    pid: int
    rss: int
    cpu: float = 0.0


class Started(Entry, tag="started"):
    """A process was started."""

    process: str
    pid: int


class Ended(Entry, tag="ended"):
    """A process ended. ``meant``: the fault, or the runner, made it."""

    process: str
    pid: int
    exit: int
    meant: bool
    tail: str = ""


class Said(Entry, tag="said"):
    """A process logged an error."""

    process: str
    pid: int
    line: str


class Redelivered(Entry, tag="redelivered"):
    """A projector queued a task again because nobody would have been given what stands at a sequence of the log."""

    task: str
    sequence: int


class Did(Entry, tag="did"):
    """The fault did something, or the run came to its next part."""

    action: str


class Called(Entry, tag="called"):
    """A handler was called, as it wrote down itself."""

    task: str
    attempt: int
    pid: int


class Reached(Entry, tag="reached"):
    """A process died at a named point."""

    point: str


class Late(Entry, tag="late"):
    """Something did not come to rest in time: what was waited for."""

    waited_for: str


class Found(Entry, tag="found"):
    """What the checker says at last."""

    violations: list[str]
    seconds: float


AnyEntry = (
    Began | Planned | Scheduled | Asked | Answered | Unanswered | GaveUp | Connected | Seen | Cut | Sampled | Started | Ended | Said
    | Redelivered | Did | Called | Reached | Late | Found
)  # fmt: skip

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)


class Journal:
    """Writes a run's file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._began = time.monotonic()
        file.parent.mkdir(exist_ok=True)
        self._out = file.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._out.close()

    def note(self, entry: AnyEntry) -> None:
        """Write an entry, stamped with the time."""
        entry.at, entry.wall = round(time.monotonic() - self._began, 4), round(time.time(), 4)
        self._out.write(_encode(entry) + b"\n")

    def did(self, action: str) -> None:
        """Note what the fault did."""
        self.note(Did(action=action))

    def flush(self) -> None:
        """Let the file be read."""
        self._out.flush()


def read(file: Path) -> list[AnyEntry]:
    """All entries of a file."""
    with file.open("rb") as lines:
        return [_decoder.decode(line) for line in lines]
