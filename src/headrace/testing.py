"""Contexts that record what a handler says, to test it without any server.

context = RecordingContext()
result = await word_count(WordCount(text="one two"), context)
assert result.words == 2
assert context.progressed == [(0.5, "counting")]
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace.sdk.context import LogLevel
from headrace.sdk.said import to_fraction, to_json, to_level, to_text

__all__ = ["RecordingContext", "RecordingSyncContext"]


@dataclass
class _Recorded:
    task_id: str = "task"
    attempt: int = 1
    progressed: list[tuple[float, str | None]] = field(default_factory=list[tuple[float, str | None]])
    logged: list[tuple[LogLevel, str]] = field(default_factory=list[tuple[LogLevel, str]])
    emitted: list[object] = field(default_factory=list[object])


@dataclass
class RecordingSyncContext(_Recorded):
    """A `headrace.task.SyncContext` that records what the handler says. It is as strict as a real one."""

    cancelled: bool = False

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Record progress.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not from 0 to 1.
        """
        self.progressed.append((to_fraction(fraction), None if message is None else to_text(message)))

    def log(self, message: str, level: LogLevel = "info") -> None:
        """Record a line.

        Raises:
            TypeError: ``message`` is no str.
            ValueError: there is no such ``level``.
        """
        self.logged.append((to_level(level), to_text(message)))

    def emit(self, chunk: object) -> None:
        """Record a chunk.

        Raises:
            TypeError: ``chunk`` has no JSON form.
        """
        to_json(chunk)
        self.emitted.append(chunk)


@dataclass
class RecordingContext(_Recorded):
    """A `headrace.task.Context` that records what the handler says. It is as strict as a real one."""

    def __post_init__(self) -> None:
        self._sync = RecordingSyncContext(self.task_id, self.attempt, self.progressed, self.logged, self.emitted)

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """Record progress.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not from 0 to 1.
        """
        self._sync.progress(fraction, message)

    async def log(self, message: str, level: LogLevel = "info") -> None:
        """Record a line.

        Raises:
            TypeError: ``message`` is no str.
            ValueError: there is no such ``level``.
        """
        self._sync.log(message, level)

    async def emit(self, chunk: object) -> None:
        """Record a chunk.

        Raises:
            TypeError: ``chunk`` has no JSON form.
        """
        self._sync.emit(chunk)
