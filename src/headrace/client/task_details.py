"""Read what a task did, and why it waits."""

from __future__ import annotations

from headrace.client.connection import Connection
from headrace.contracts.attempts import Attempts
from headrace.contracts.screens.task_detail import TaskLog, TaskOutput
from headrace.contracts.waiting import TaskWaiting


class TaskDetails(Connection):
    """The part of `Client` for the details of a task.

    Every method takes the id of a task, and ``at_least``: it waits until the API's view reflects this position. It raises
    `ProblemError` when there is no such task or the read model is not available, and `httpx.TransportError` when the API does not
    answer.
    """

    async def attempts(self, task: str, at_least: str | None = None) -> Attempts:
        """Read the attempts of a task, of all its runs: how long each waited and ran, where, and how it ended."""
        return await self._read(Attempts, "tasks", task, "attempts", at_least=at_least)

    async def waiting(self, task: str, at_least: str | None = None) -> TaskWaiting:
        """Read why a task does not run yet, how many come before it, and when it will probably start."""
        return await self._read(TaskWaiting, "tasks", task, "waiting", at_least=at_least)

    async def log(self, task: str, at_least: str | None = None) -> TaskLog:
        """Read the newest lines that a task wrote; ``complete`` says whether these are all."""
        return await self._read(TaskLog, "tasks", task, "log", at_least=at_least)

    async def output(self, task: str, at_least: str | None = None) -> TaskOutput:
        """Read the newest chunks that a task streamed; ``complete`` says whether these are all."""
        return await self._read(TaskOutput, "tasks", task, "output", at_least=at_least)
