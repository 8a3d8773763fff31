"""What spans are called and what they say, in the words of OpenTelemetry's semantic conventions. No owner and no input is among it."""

from __future__ import annotations

from typing import Final, NamedTuple

from headrace.log import subjects

PUBLISH: Final = "publish hr.tasks.queued"

_TEMPLATE: Final = "hr.tasks.queued.{kind}.{priority}.{owner}.{task}"
_MESSAGING: Final = {
    "messaging.system": "nats",
    "messaging.destination.name": subjects.STREAM,
    "messaging.destination.template": _TEMPLATE,
}


class Published(NamedTuple):
    """What a request appends.

    Attributes:
        kind: The kind of the tasks.
        priority: Their priority.
        id: The id of the task, or of the batch.
        size: Bytes of its input.
        tasks: How many tasks a batch has; None for a task.
    """

    kind: str
    priority: str
    id: str
    size: int
    tasks: int | None = None

    def attributes(self) -> dict[str, str | int]:
        """Return what the span of the append says."""
        said: dict[str, str | int] = {
            **_MESSAGING,
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.message.body.size": self.size,
            "headrace.task.kind": self.kind,
            "headrace.task.priority": str(self.priority),
        }
        if self.tasks is None:
            return said | {"messaging.message.id": self.id, "headrace.task.id": self.id}
        return said | {"messaging.batch.message_count": self.tasks, "headrace.batch.id": self.id}


def attempt_attributes(task: str, kind: str, priority: str, attempt: int, size: int) -> dict[str, str | int]:
    """Return what the span of an attempt says from its beginning."""
    return {
        **_MESSAGING,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": f"run-{kind}-{priority}",
        "messaging.message.id": task,
        "messaging.message.body.size": size,
        "headrace.task.id": task,
        "headrace.task.kind": kind,
        "headrace.task.priority": priority,
        "headrace.task.attempt": attempt,
    }
