"""The one place that spells subjects, headers, and the names of streams; `headrace.log.consumer_names` has those of consumers.

The log, stream ``HEADRACE``:

    hr.tasks.<event>.<kind>.<priority>.<owner>.<task>     everything that happens to a task: `TaskSubject`
    hr.batches.<event>.<owner>.<batch>                    created, cancelled, settled: `BatchSubject`
    hr.schedules.<event>.<owner>.<schedule>               saved, deleted, fired: `ScheduleSubject`
    hr.timers.tasks.<owner>.<task>                        a message that the broker holds until the task is due: `TimerSubject`
    hr.timers.schedules.<owner>.<schedule>                a message that the broker holds until the next firing: `TimerSubject`
    hr.filler                                             nothing, where the log had to skip positions
    hr.probe                                              nothing, to find out whether the log takes appends
    hr.dropped.<sequence>                                 nothing; up to there, finished tasks have left the log early

Streams of their own:

    hr.rates.<kind>.<window>                              counters of starts
    hr.limits.<policy>.<who>.<window>                     counters of requests; hr.long-limits.… for windows of an hour
    hr.compared                                           the mark of a log that was compared with the read model
    $KV.HEADRACE_KINDS.<kind>                             the catalog, a key-value bucket
    $KV.HEADRACE_IDENTITY.>  $KV.HEADRACE_SETTINGS.>      revocations, and settings: `headrace.log.bucket_names`

Published to the subscribers of the moment, and kept nowhere, see also `headrace.log.live_subjects`:

    hr.live.tasks.<event>.<kind>.<priority>.<owner>.<task>   every task event, republished by the server
"""

from __future__ import annotations

from typing import Final, NamedTuple

from headrace.tracing.w3c import TRACE_HEADERS

# Streams.
STREAM: Final = "HEADRACE"
CATALOG_BUCKET: Final = "HEADRACE_KINDS"
CATALOG_STREAM: Final = f"KV_{CATALOG_BUCKET}"
RATES_STREAM: Final = "HEADRACE_RATES"
LIMITS_STREAM: Final = "HEADRACE_LIMITS"
LONG_LIMITS_STREAM: Final = "HEADRACE_LONG_LIMITS"
COMPARED_STREAM: Final = "HEADRACE_COMPARED"

# The subjects of the streams.
TASKS: Final = "hr.tasks.>"
BATCHES: Final = "hr.batches.>"
SCHEDULES: Final = "hr.schedules.>"
TIMERS: Final = "hr.timers.>"
FILLER: Final = "hr.filler"
PROBE: Final = "hr.probe"
DROPPED: Final = "hr.dropped.*"
RATES: Final = "hr.rates.>"
LIMITS: Final = "hr.limits.>"
LONG_LIMITS: Final = "hr.long-limits.>"
COMPARED: Final = "hr.compared"
CATALOG_ENTRIES: Final = f"$KV.{CATALOG_BUCKET}.>"
LIVE_TASKS: Final = "hr.live.tasks.>"
LIVE: Final = "hr.live.>"
SCHEDULES_FIRED: Final = "hr.schedules.fired.>"
SCHEDULE_TIMERS: Final = "hr.timers.schedules.>"

_COUNTERS: Final = {"rates": RATES_STREAM, "limits": LIMITS_STREAM, "long-limits": LONG_LIMITS_STREAM}

_TASK_PREFIX: Final = "hr.tasks."
_BATCH_PREFIX: Final = "hr.batches."
_SCHEDULE_PREFIX: Final = "hr.schedules."
_TIMER_PREFIX: Final = "hr.timers."
_DROPPED_PREFIX: Final = "hr.dropped."
_LIVE_PREFIX: Final = "hr.live.tasks."

# Headers of our own: what readers route on without decoding the payload.
BATCH: Final = "Headrace-Batch"
OF_SCHEDULE: Final = "Headrace-Schedule"
CORRELATION_ID: Final = "Headrace-Correlation-Id"
OUTCOME: Final = "Headrace-Outcome"  # of a `finished` event
TITLE: Final = "Headrace-Title"  # one line of text, in UTF-8
LABELS: Final = "Headrace-Labels"  # a JSON object of texts
BODY_HASH: Final = "Headrace-Body-Hash"  # of a submission with an Idempotency-Key
FOLLOWING: Final = "Headrace-Following"  # of an entry of the catalog: names of kinds that its worker announces next
# A task's later events repeat these.
CARRIED: Final = (BATCH, OF_SCHEDULE, TITLE, LABELS, CORRELATION_ID, *TRACE_HEADERS, BODY_HASH)

# Headers of NATS (ADR-8, ADR-31, ADR-43 and the JetStream documentation).
MSG_ID: Final = "Nats-Msg-Id"
EXPECTED_LAST_SUBJECT_SEQUENCE: Final = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_LAST_SUBJECT: Final = "Nats-Expected-Last-Subject-Sequence-Subject"
EXPECTED_STREAM: Final = "Nats-Expected-Stream"
TTL: Final = "Nats-TTL"
ROLLUP: Final = "Nats-Rollup"
INCREMENT: Final = "Nats-Incr"  # ADR-49
SCHEDULE: Final = "Nats-Schedule"  # and the next two: ADR-51
SCHEDULE_TARGET: Final = "Nats-Schedule-Target"
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
        """Take apart a subject of the log or of the live feed.

        Raises:
            ValueError: it is not the subject of a task event.
        """
        parts = subject.split(".")
        if len(parts) == 7 and subject.startswith(_TASK_PREFIX):
            return cls._make(parts[2:])
        if len(parts) == 8 and subject.startswith(_LIVE_PREFIX):
            return cls._make(parts[3:])
        raise ValueError(f"{subject!r} is not the subject of a task event")


def event_of(subject: str) -> str:
    """The event that the subject of a task event names, in the log; empty when it names none."""
    return subject[len(_TASK_PREFIX) :].partition(".")[0] if subject.startswith(_TASK_PREFIX) else ""


def task_events(owner: str = "*", task: str = "*", kind: str = "*", event: str = "*") -> str:
    """The subjects of everything in the log that happens to the tasks named."""
    return f"{_TASK_PREFIX}{event}.{kind}.*.{owner}.{task}"


def queued_of(kind: str) -> str:
    """The subjects of the queued tasks of one kind, whatever their priority."""
    return f"{_TASK_PREFIX}queued.{kind}.>"


def queued_in_lane(kind: str, priority: str) -> str:
    """The subjects of the queued tasks of one kind and priority."""
    return f"{_TASK_PREFIX}queued.{kind}.{priority}.>"


def live(subject: str) -> str:
    """The live subject of a task event with this log subject, or of a pattern over such."""
    return _LIVE_PREFIX + subject.removeprefix(_TASK_PREFIX)


class BatchSubject(NamedTuple):
    """The parts of a batch event's subject."""

    event: str
    owner: str
    batch: str

    @classmethod
    def parse(cls, subject: str) -> BatchSubject:
        """Take apart a subject of the log.

        Raises:
            ValueError: it is not the subject of a batch event.
        """
        parts = subject.split(".")
        if len(parts) == 5 and subject.startswith(_BATCH_PREFIX):
            return cls._make(parts[2:])
        raise ValueError(f"{subject!r} is not the subject of a batch event")


def is_of_batch(subject: str) -> bool:
    """Whether a subject of the log is that of a batch event."""
    return subject.startswith(_BATCH_PREFIX)


def batch_event(event: str, owner: str, batch: str) -> str:
    """The subject of an event of a batch."""
    return f"{_BATCH_PREFIX}{event}.{owner}.{batch}"


class ScheduleSubject(NamedTuple):
    """The parts of a schedule event's subject."""

    event: str
    owner: str
    schedule: str

    @classmethod
    def parse(cls, subject: str) -> ScheduleSubject:
        """Take apart a subject of the log.

        Raises:
            ValueError: it is not the subject of a schedule event.
        """
        parts = subject.split(".")
        if len(parts) == 5 and subject.startswith(_SCHEDULE_PREFIX):
            return cls._make(parts[2:])
        raise ValueError(f"{subject!r} is not the subject of a schedule event")


def is_of_schedule(subject: str) -> bool:
    """Whether a subject of the log is that of a schedule event."""
    return subject.startswith(_SCHEDULE_PREFIX)


def schedule_event(event: str, owner: str, schedule: str) -> str:
    """The subject of an event of a schedule."""
    return f"{_SCHEDULE_PREFIX}{event}.{owner}.{schedule}"


class TimerSubject(NamedTuple):
    """The parts of a timer's subject. A subject holds one timer: a new one replaces it."""

    of: str
    owner: str
    id: str

    @classmethod
    def parse(cls, subject: str) -> TimerSubject:
        """Take apart a subject of the log.

        Raises:
            ValueError: it is not the subject of a timer.
        """
        parts = subject.split(".")
        if len(parts) == 5 and subject.startswith(_TIMER_PREFIX):
            return cls._make(parts[2:])
        raise ValueError(f"{subject!r} is not the subject of a timer")


def task_timer(owner: str, task: str) -> str:
    """The subject under which the broker holds what a deferred task is queued with."""
    return f"{_TIMER_PREFIX}tasks.{owner}.{task}"


def schedule_timer(owner: str, schedule: str) -> str:
    """The subject under which the broker holds what a schedule fires with."""
    return f"{_TIMER_PREFIX}schedules.{owner}.{schedule}"


def has_events(subject: str) -> bool:
    """Whether records under a subject of the log are events; timers, filler, probes and marks are not."""
    return subject not in (FILLER, PROBE) and not subject.startswith((_TIMER_PREFIX, _DROPPED_PREFIX))


def dropped(through: int) -> str:
    """The subject of the mark that finished tasks have left the log early, up to a sequence; or are about to."""
    return f"{_DROPPED_PREFIX}{through}"


def dropped_through(subject: str) -> int:
    """The sequence that the subject of a mark names."""
    return int(subject.removeprefix(_DROPPED_PREFIX))


def stream_of(subject: str) -> str:
    """The stream that keeps what is appended under a subject."""
    if subject.startswith("$KV."):
        return f"KV_{subject.split('.')[1]}"
    return _COUNTERS.get(subject.split(".")[1], STREAM)


def rate_counter(kind: str, window: int | str) -> str:
    """The subject of the counter of a kind's starts in one window of time, or of all with ``*``."""
    return f"hr.rates.{kind}.{window}"


def limit_counter(policy: str, who: str, window: int, *, is_long: bool) -> str:
    """The subject of the counter of what somebody did in one window of a limit; ``is_long`` when it lasts more than a minute."""
    return f"hr.{'long-limits' if is_long else 'limits'}.{policy}.{who}.{window}"


def catalog_entry(kind: str) -> str:
    """The subject of a kind's key in the catalog bucket (ADR-8)."""
    return f"$KV.{CATALOG_BUCKET}.{kind}"


def inbox(user: str) -> str:
    """What the reply subjects of a NATS user begin with."""
    return f"_INBOX.{user}"


def create_consumer(durable: str, filter_subject: str | None) -> str:
    """The JetStream API operation that creates a consumer of the log, or changes its settings."""
    return f"CONSUMER.CREATE.{STREAM}.{durable}" + (f".{filter_subject}" if filter_subject else "")


def api(operation: str) -> str:
    """The subject of a JetStream API operation, such as ``STREAM.INFO.HEADRACE``."""
    return f"$JS.API.{operation}"
