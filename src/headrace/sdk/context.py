"""What a handler is given besides its input. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

from typing import Literal, Protocol

LogLevel = Literal["debug", "info", "warning", "error"]


class Context(Protocol):
    """What an ``async`` handler is given besides its input."""

    @property
    def task_id(self) -> str:
        """The task's id. It is the same on every attempt and redelivery, so it is the key for outside effects."""
        ...

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        ...

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far the task is: ``fraction`` from 0 to 1. Call it as often as you like; at most 4 a second are sent."""
        ...

    async def log(self, message: str, level: LogLevel = "info") -> None:
        """Write a line that people following the task see."""
        ...

    async def emit(self, chunk: object) -> None:
        """Stream a piece of output (any JSON value) to people following the task, in order."""
        ...


class SyncContext(Protocol):
    """What a plain-function handler is given: `Context` without ``await``, safe to use from its thread."""

    @property
    def task_id(self) -> str:
        """See `Context.task_id`."""
        ...

    @property
    def attempt(self) -> int:
        """See `Context.attempt`."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the task was cancelled. A handler that loops reads this now and then, and returns when it is true."""
        ...

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `Context.progress`."""
        ...

    def log(self, message: str, level: LogLevel = "info") -> None:
        """See `Context.log`."""
        ...

    def emit(self, chunk: object) -> None:
        """See `Context.emit`."""
        ...
