"""A batch as it was submitted, and what is appended for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Raw

from headrace.contracts.batches import BatchCreated, BatchEventName, encode
from headrace.contracts.events import EventName
from headrace.contracts.labels import encode_labels
from headrace.contracts.large_values import StoredValue
from headrace.contracts.titles import short_id
from headrace.lifecycle.queueing import WaitingTask, queued_message
from headrace.log import conditions, subjects
from headrace.log.append import Message
from headrace.log.subjects import TaskSubject


class NewTask(NamedTuple):
    """A task of a batch as it was submitted.

    Attributes:
        input: The input, as JSON; null when it is stored.
        title: What the input says that it is called; empty when it says nothing.
        labels: Its labels as its headers have them; empty when it has those of the batch.
        stored_input: Where the input is when it is too large for an event.
    """

    input: bytes
    title: str = ""
    labels: str = ""
    stored_input: StoredValue | None = None


class NewBatch(NamedTuple):
    """A batch as it was submitted.

    Attributes:
        id: Its id.
        is_keyed: Whether the id derives from an Idempotency-Key, so that the log may have the batch already.
        owner: Its owner.
        created: Its `created` event.
        max_attempts: The limit of attempts of each task.
        body_hash: Tells the body of this submission from any other under the same key.
        headers: The headers that every event of its tasks carries.
        input_bytes: The size of all its inputs.
        header_bytes: The size of all titles, and of the labels of all its tasks.
    """

    id: str
    is_keyed: bool
    owner: str
    created: BatchCreated
    max_attempts: int | None
    body_hash: str
    headers: dict[str, str]
    input_bytes: int
    header_bytes: int = 0

    def subject(self, event: BatchEventName) -> str:
        """The subject of an event of the batch."""
        return subjects.batch_event(event, self.owner, self.id)

    def task_id(self, index: int) -> str:
        """The id of the task that has the input with this index."""
        return f"{self.id}-{index}"

    def created_message(self) -> Message:
        """Return the first event of the batch, on condition that the log has no other one."""
        headers = {**self.headers, subjects.BODY_HASH: self.body_hash, **conditions.subject_is_empty()}
        return Message(self.subject(BatchEventName.CREATED), encode(self.created), headers)

    def task_messages(self, index: int, tasks: Sequence[NewTask]) -> list[Message]:
        """Return the tasks of a chunk that begins with this index.

        A message has room for one condition. So the first message carries the condition that it is new, and the second one the
        condition that the batch is not cancelled.
        """
        headers = {**self.headers, subjects.BATCH: self.id}
        if self.created.labels:
            headers[subjects.LABELS] = encode_labels(self.created.labels)
        is_new = conditions.task_is_new(self.owner, self.task_id(index))
        is_not_cancelled = conditions.no_event_of(self.subject(BatchEventName.CANCELLED))
        required = (is_new, is_not_cancelled)
        return [
            queued_message(self._waiting_task(index + place, each, headers), required[place] if place < 2 else {})
            for place, each in enumerate(tasks)
        ]

    def _waiting_task(self, index: int, task: NewTask, shared: Mapping[str, str]) -> WaitingTask:
        created, name = self.created, self.task_id(index)
        headers = {**shared, subjects.TITLE: task.title or short_id(name)}
        if task.labels:
            headers[subjects.LABELS] = task.labels
        subject = TaskSubject(EventName.QUEUED, created.kind, created.priority, self.owner, name)
        return WaitingTask(
            subject=subject,
            input=Raw(task.input),
            headers=headers,
            max_attempts=self.max_attempts,
            stored_input=task.stored_input,
        )
