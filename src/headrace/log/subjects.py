"""The one place that spells subjects, headers, and the names of streams and consumers.

hr.tasks.<event>.<kind>.<priority>.<owner>.<task>     everything that happens to a task
hr.batches.<event>.<owner>.<batch>                    created, cancelled, settled
hr.schedules.<event>.<owner>.<schedule>               saved, deleted, fired
hr.timers.<what>.<owner>.<id>                         messages the broker holds until due, of tasks and schedules
hr.filler                                             nothing, where the log had to skip positions
hr.rates.<kind>.<window>                              counters of starts; not in the log, but in a stream of their own
hr.live.tasks.<…>                                     the first, republished to whoever listens now
hr.live.batches.<event>.<owner>.<batch>               counts of a batch, as they change; not in the log
hr.cancelled.<kind>                                   tells workers that a running task was cancelled; not in the log
"""

from __future__ import annotations

from typing import Final, NamedTuple

STREAM: Final = "HEADRACE"
CATALOG_BUCKET: Final = "HEADRACE_KINDS"
CATALOG_STREAM: Final = f"KV_{CATALOG_BUCKET}"
RATES_STREAM: Final = "HEADRACE_RATES"

TASKS: Final = "hr.tasks.>"
BATCHES: Final = "hr.batches.>"
SCHEDULES: Final = "hr.schedules.>"
TIMERS: Final = "hr.timers.>"
FILLER: Final = "hr.filler"
RATES: Final = "hr.rates.>"
COMPARED_STREAM: Final = "HEADRACE_COMPARED"
COMPARED: Final = "hr.compared"
LIVE_TASKS: Final = "hr.live.tasks.>"
_TASK_PREFIX: Final = "hr.tasks."
_BATCH_PREFIX: Final = "hr.batches."
_SCHEDULE_PREFIX: Final = "hr.schedules."
_TIMER_PREFIX: Final = "hr.timers."
_LIVE_PREFIX: Final = "hr.live.tasks."

PROJECTOR: Final = "projector"
FIRINGS: Final = "firings"
SCHEDULES_FIRED: Final = "hr.schedules.fired.>"
SCHEDULE_TIMERS: Final = "hr.timers.schedules.>"

# Headers of our own: what readers route on without decoding the payload.
BATCH: Final = "Headrace-Batch"
OF_SCHEDULE: Final = "Headrace-Schedule"
CORRELATION_ID: Final = "Headrace-Correlation-Id"

TRACEPARENT: Final = "traceparent"  # W3C Trace Context
BODY_HASH: Final = "Headrace-Body-Hash"  # of a submission with an Idempotency-Key
CARRIED: Final = (
    BATCH,
    OF_SCHEDULE,
    CORRELATION_ID,
    TRACEPARENT,
    BODY_HASH,
)  # what a task's later events inherit from its first

# Headers of NATS (ADR-8, ADR-31, ADR-43 and the JetStream documentation).
MSG_ID: Final = "Nats-Msg-Id"
EXPECTED_LAST_SUBJECT_SEQUENCE: Final = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_LAST_SUBJECT: Final = "Nats-Expected-Last-Subject-Sequence-Subject"
TTL: Final = "Nats-TTL"
ROLLUP: Final = "Nats-Rollup"
INCREMENT: Final = "Nats-Incr"  # ADR-49
SCHEDULE: Final = "Nats-Schedule"  # and the next three: ADR-51
SCHEDULE_TARGET: Final = "Nats-Schedule-Target"
SCHEDULE_TIME_ZONE: Final = "Nats-Schedule-Time-Zone"
SCHEDULE_NEXT: Final = "Nats-Schedule-Next"
SCHEDULER: Final = "Nats-Scheduler"
BATCH_ID: Final = "Nats-Batch-Id"  # and the next two: ADR-50
BATCH_SEQUENCE: Final = "Nats-Batch-Sequence"
BATCH_COMMIT: Final = "Nats-Batch-Commit"
SEQUENCE: Final = "Nats-Sequence"
SUBJECT: Final = "Nats-Subject"
TIME_STAMP: Final = "Nats-Time-Stamp"
LAST_SEQUENCE: Final = "Nats-Last-Sequence"
NUM_PENDING: Final = "Nats-Num-Pending"
STATUS: Final = "Status"
DESCRIPTION: Final = "Description"


class TaskSubject(NamedTuple):
    """The parts of a task event's subject."""

    event: str
    kind: str
    priority: str
    owner: str
    task: str

    def __str__(self) -> str:
        return f"{_TASK_PREFIX}{self.event}.{self.kind}.{self.priority}.{self.owner}.{self.task}"

    def of(self, event: str) -> str:
        """The subject of another event of the same task."""
        return f"{_TASK_PREFIX}{event}.{self.kind}.{self.priority}.{self.owner}.{self.task}"

    @classmethod
    def parse(cls, subject: str) -> TaskSubject:
        """Read a subject of the log or of the live feed.

        Raises:
            ValueError: it is not the subject of a task event.
        """
        parts = subject.split(".")
        if len(parts) == 7 and subject.startswith(_TASK_PREFIX):
            return cls._make(parts[2:])
        if len(parts) == 8 and subject.startswith(_LIVE_PREFIX):
            return cls._make(parts[3:])
        raise ValueError(f"{subject!r} is not the subject of a task event")


class BatchSubject(NamedTuple):
    """The parts of a batch event's subject."""

    event: str
    owner: str
    batch: str

    @classmethod
    def parse(cls, subject: str) -> BatchSubject:
        """Read a subject of the log.

        Raises:
            ValueError: it is not the subject of a batch event.
        """
        parts = subject.split(".")
        if len(parts) == 5 and subject.startswith(_BATCH_PREFIX):
            return cls._make(parts[2:])
        raise ValueError(f"{subject!r} is not the subject of a batch event")


def has_events(subject: str) -> bool:
    """Whether what stands under a subject of the log tells of something; timers and filler do not."""
    return subject != FILLER and not subject.startswith(_TIMER_PREFIX)


def is_of_batch(subject: str) -> bool:
    """Whether a subject of the log is about a batch."""
    return subject.startswith(_BATCH_PREFIX)


class ScheduleSubject(NamedTuple):
    """The parts of a schedule event's subject."""

    event: str
    owner: str
    schedule: str

    @classmethod
    def parse(cls, subject: str) -> ScheduleSubject:
        """Read a subject of the log.

        Raises:
            ValueError: it is not the subject of a schedule event.
        """
        parts = subject.split(".")
        if len(parts) == 5 and subject.startswith(_SCHEDULE_PREFIX):
            return cls._make(parts[2:])
        raise ValueError(f"{subject!r} is not the subject of a schedule event")


def is_of_schedule(subject: str) -> bool:
    """Whether a subject of the log is about a schedule."""
    return subject.startswith(_SCHEDULE_PREFIX)


def all_of(owner: str, task: str) -> str:
    """Whatever the log has of one task; an expected sequence of 0 over it says that the task is new."""
    return f"{_TASK_PREFIX}*.*.*.{owner}.{task}"


def task_timer(owner: str, task: str) -> str:
    """Where the broker holds what a task is deferred with; there is one timer a subject."""
    return f"hr.timers.tasks.{owner}.{task}"


def batch_event(event: str, owner: str, batch: str) -> str:
    """An event of a batch in the log."""
    return f"{_BATCH_PREFIX}{event}.{owner}.{batch}"


def schedule_event(event: str, owner: str, schedule: str) -> str:
    """An event of a schedule in the log."""
    return f"{_SCHEDULE_PREFIX}{event}.{owner}.{schedule}"


def schedule_timer(owner: str, schedule: str) -> str:
    """Where the broker holds a schedule."""
    return f"hr.timers.schedules.{owner}.{schedule}"


def batch_live(event: str, owner: str, batch: str) -> str:
    """Where a batch's counts are told as they change."""
    return f"hr.live.batches.{event}.{owner}.{batch}"


def cancelled(kind: str) -> str:
    """Where workers of a kind hear that a task was cancelled; the payload is ``<task> <sequence>``, of its `finished`."""
    return f"hr.cancelled.{kind}"


def task_events(owner: str = "*", task: str = "*", kind: str = "*", event: str = "*") -> str:
    """Everything in the log that happens to the tasks named."""
    return f"{_TASK_PREFIX}{event}.{kind}.*.{owner}.{task}"


def live(subject: str) -> str:
    """Where an event with this log subject, or a filter over such, appears live."""
    return _LIVE_PREFIX + subject.removeprefix(_TASK_PREFIX)


def queued_in_lane(kind: str, priority: str) -> str:
    """The queued tasks of one kind and priority."""
    return f"{_TASK_PREFIX}queued.{kind}.{priority}.>"


def queued_of(kind: str) -> str:
    """The queued tasks of one kind, whatever their priority."""
    return f"{_TASK_PREFIX}queued.{kind}.>"


def run_consumer(kind: str, priority: str | None) -> str:
    """The durable consumer that workers of this kind share for this priority; for all of them when it is None."""
    return f"run-{kind}" if priority is None else f"run-{kind}-{priority}"


def kind_of_consumer(durable: str) -> str | None:
    """The kind whose workers share a durable consumer; None when it is not one of theirs."""
    prefix, _, rest = durable.partition("-")
    return rest.partition("-")[0] if prefix == "run" else None


def is_limited(durable: str) -> bool:
    """Whether a durable consumer is that of a kind with a limit to its concurrency."""
    kind = kind_of_consumer(durable)
    return kind is not None and durable == run_consumer(kind, None)


def rate_counter(kind: str, window: int) -> str:
    """The counter of a kind's starts in one window of time."""
    return f"hr.rates.{kind}.{window}"


def catalog_entry(kind: str) -> str:
    """The subject of a kind's key in the catalog bucket (ADR-8)."""
    return f"$KV.{CATALOG_BUCKET}.{kind}"


CATALOG_ENTRIES: Final = f"$KV.{CATALOG_BUCKET}.>"


def api(operation: str) -> str:
    """A JetStream API subject, such as ``STREAM.INFO.HEADRACE``."""
    return f"$JS.API.{operation}"
