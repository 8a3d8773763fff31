"""Running a task of a kind as a worker does, without servers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from headrace.contracts.files import FileRecord
from headrace.contracts.tasks import TaskError
from headrace.sdk.context import LogLevel
from headrace.sdk.kind import Kind
from headrace.testing.files import RecordedFiles

In = TypeVar("In", bound=msgspec.Struct)
Out = TypeVar("Out")


class KindFailed(AssertionError):
    """A test asked for the result of a task that failed. The message says why, with the handler's traceback."""


@dataclass
class Ran(Generic[Out]):
    """What became of a task.

    Attributes:
        kind: The task's kind.
        attempts: How many attempts there were.
        waits: Seconds that the task waited before each attempt but the first. A test does not wait for them.
        error: Why the task failed; None when it succeeded.
        raw_result: The result as JSON; null when the task failed.
        events: Every event of the task, in order, as the log would have them.
        files: What the handler found and saved.
    """

    kind: Kind[Any, Out]
    files: RecordedFiles
    attempts: int = 0
    waits: list[float] = field(default_factory=list[float])
    error: TaskError | None = None
    raw_result: bytes = b"null"
    events: list[msgspec.Struct] = field(default_factory=list[msgspec.Struct])

    @property
    def succeeded(self) -> bool:
        """Whether the task has a result."""
        return self.error is None

    @property
    def result(self) -> Out:
        """The result of the task, decoded from its JSON to the type that the handler declares.

        Raises:
            KindFailed: The task failed.
        """
        if self.error is not None:
            trace = f"\n{self.error.traceback}" if self.error.traceback else ""
            attempts = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
            raise KindFailed(
                f"{self.kind.name} failed after {attempts}: {self.error.code}: {self.error.message}{trace}"
            )
        return msgspec.json.decode(self.raw_result, type=self.kind.result_type)

    @property
    def progressed(self) -> list[tuple[float, str | None]]:
        """The progress that whoever follows the task sees: four a second at most, and the last of each attempt."""
        from headrace.contracts.events import Progressed

        return [(each.fraction, each.message) for each in self.events if isinstance(each, Progressed)]

    @property
    def logged(self) -> list[tuple[LogLevel, str]]:
        """The lines that the handler wrote."""
        from headrace.contracts.events import Logged

        return [(each.level, each.message) for each in self.events if isinstance(each, Logged)]

    @property
    def emitted(self) -> list[Any]:
        """The chunks that the handler emitted, decoded from JSON."""
        from headrace.contracts.events import Emitted

        emitted = [each for each in self.events if isinstance(each, Emitted)]
        return [msgspec.json.decode(chunk) for each in emitted for chunk in each.chunks]

    @property
    def saved(self) -> list[FileRecord]:
        """The files that the handler saved."""
        return self.files.saved


async def run_kind(
    kind: Kind[In, Out],
    input: In | dict[str, Any],
    *,
    max_attempts: int | None = None,
    files: RecordedFiles | None = None,
) -> Ran[Out]:
    """Run a task to its end with the code of the worker.

    The input and the result pass through JSON, an attempt ends at the timeout of the kind, and an attempt that fails is followed
    by another as the kind says. A plain function runs in a thread or in a process of its own. What a worker has beyond that is
    left out: a limit of starts per second, limits over several workers, and the end of an async handler that blocks the
    event loop.

    Args:
        kind: The decorated handler.
        input: The input as a Struct, or as what its JSON is decoded to, which may be wrong.
        max_attempts: How many attempts there are at most; as the kind says by default.
        files: The files that there are. Those that the handler saves are added to them.
    """
    # The worker and what it imports take half a second, which a test that only calls a handler does not spend.
    from headrace.testing.attempts import run_attempts

    ran = Ran(kind, files if files is not None else RecordedFiles())
    await run_attempts(ran, msgspec.json.encode(input), max_attempts)
    return ran


def run_kind_blocking(
    kind: Kind[In, Out],
    input: In | dict[str, Any],
    *,
    max_attempts: int | None = None,
    files: RecordedFiles | None = None,
) -> Ran[Out]:
    """Run a task to its end for a test without an event loop. Everything else is as in `run_kind`.

    Raises:
        RuntimeError: An event loop runs already; such a test awaits `run_kind`.
    """
    return asyncio.run(run_kind(kind, input, max_attempts=max_attempts, files=files))
