"""What each process may do on NATS: every subject that it publishes to and subscribes to, and no other.

The configuration of the embedded server and `docs/nats-accounts.conf` are made from this module. What a process newly needs
is added here; NATS refuses it otherwise, and the process logs a sentence that names the subject.

Permissions are about subjects. What NATS reads from a body or a header is out of their reach, so they keep a process to its
part, and do not make a process harmless that somebody has taken over: a direct get reads any record of a stream, a record may
be deleted by its sequence, a timer queues what it says, and who may append may also roll up a stream by a header.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from headrace.contracts.batches import BatchEventName
from headrace.contracts.events import EventName
from headrace.contracts.schedules import ScheduleEventName
from headrace.contracts.tasks import Priority
from headrace.log import bucket_names, consumer_names, live_subjects, subjects
from headrace.log.subjects import STREAM

API: Final = "api"
WORKER: Final = "worker"
PROJECTOR: Final = "projector"
PROVISIONER: Final = "provisioner"
OPERATOR: Final = "operator"
SYSTEM: Final = "sys"  # of the system account, beside the account of all others: it sees the servers, and no data
USERS: Final = {
    API: "`headrace api`: accepts work and shows it; it can take none",
    WORKER: "`headrace worker`: takes queued tasks and appends what happens to them",
    PROJECTOR: "`headrace projector`: reads the whole log",
    PROVISIONER: "`headrace provision`: creates and changes streams, and does nothing else",
    OPERATOR: "`headrace lag`, `check`, `doctor`, `tail` and the `nats` client: look, and change nothing",
}

_READERS: Final = (consumer_names.PROJECTOR, consumer_names.FIRINGS)

# The server forgets streams in memory when it is started again, so those who use them may make them anew. A stream that exists
# cannot be changed in this way.
_MARK: Final = f"STREAM.CREATE.{subjects.COMPARED_STREAM}"
_STARTS: Final = f"STREAM.CREATE.{subjects.RATES_STREAM}"
_REQUESTS: Final = tuple(f"STREAM.CREATE.{stream}" for stream in (subjects.LIMITS_STREAM, subjects.LONG_LIMITS_STREAM))

_BUCKETS: Final = {  # of the API: the stream of each, and the subject of its entries
    bucket_names.IDENTITY_STREAM: bucket_names.IDENTITY_ENTRIES,
    bucket_names.SETTINGS_STREAM: bucket_names.SETTINGS_ENTRIES,
}
# What shows the log, the catalog and all consumers; no other bucket, for who reads identity knows who does what.
_LOOKS: Final = (
    *("INFO", "STREAM.INFO.*", "STREAM.LIST", "STREAM.NAMES"),
    *("CONSUMER.INFO.*.*", "CONSUMER.LIST.*", "CONSUMER.NAMES.*"),
    *(f"{get}.{each}" for each in (STREAM, subjects.CATALOG_STREAM) for get in ("DIRECT.GET", "STREAM.MSG.GET")),
    *(f"DIRECT.GET.{each}.>" for each in (STREAM, subjects.CATALOG_STREAM)),
)


class Permissions(NamedTuple):
    """Subjects that a user may use. What is not allowed is denied, and what is denied is not allowed by a wildcard."""

    publish: list[str]
    subscribe: list[str]
    deny_publish: list[str]

    def as_config(self) -> dict[str, Any]:
        """The permissions as the configuration of nats-server has them."""
        publish = {"allow": self.publish} | ({"deny": self.deny_publish} if self.deny_publish else {})
        return {"publish": publish, "subscribe": {"allow": self.subscribe}}


def permissions(user: str, of: str | None = None, kinds: Iterable[str] = ()) -> Permissions:
    """Return what a user may do.

    Args:
        user: The name of the user, which its inboxes carry.
        of: The process that it is for, one of `USERS`; the one with its name by default.
        kinds: For a worker, the only kinds that it may run; every kind when empty.
    """
    inbox = f"{subjects.inbox(user)}.>"
    match of or user:
        case "api":
            return _of_api(inbox)
        case "worker":
            return _of_worker(inbox, sorted(kinds))
        case "projector":
            return _of_projector(inbox)
        case "provisioner":
            return Permissions([subjects.api("INFO"), subjects.api("STREAM.*.*")], [inbox], [])
        case "operator":
            asks = live_subjects.PROCESSES_ASKED
            return Permissions([*_operations(*_LOOKS), asks], [inbox, subjects.LIVE, live_subjects.PROCESSES], [])
        case other:
            raise ValueError(f"there is no user {other!r}; there are {', '.join(USERS)}")


def users_config(passwords: dict[str, str]) -> list[dict[str, Any]]:
    """Return ``users`` for the configuration of nats-server: the users of `USERS` with these passwords."""
    return [
        {"user": user, "password": password, "permissions": permissions(user).as_config()}
        for user, password in passwords.items()
    ]


def _of_api(inbox: str) -> Permissions:
    publish = [
        *_task_events(EventName.QUEUED, EventName.DEFERRED, EventName.FINISHED, EventName.DELETED),
        *(subjects.batch_event(each, "*", "*") for each in (BatchEventName.CREATED, BatchEventName.CANCELLED)),
        *(subjects.schedule_event(each, "*", "*") for each in (ScheduleEventName.SAVED, ScheduleEventName.DELETED)),
        *(subjects.task_timer("*", "*"), subjects.schedule_timer("*", "*")),
        *(subjects.FILLER, subjects.PROBE, subjects.COMPARED, live_subjects.cancelled("*")),
        *(subjects.LIMITS, subjects.LONG_LIMITS, live_subjects.OPEN_STREAMS, *_BUCKETS.values()),
        *(live_subjects.process(API, "*"), live_subjects.PROCESSES_ASKED),
        *(live_subjects.USERS, live_subjects.kind_live("*")),
        *_operations("STREAM.INFO.*", _MARK, *_REQUESTS),
        *_operations(*(f"DIRECT.GET.{each}" for each in (STREAM, subjects.CATALOG_STREAM, *_BUCKETS))),
        *_operations(f"STREAM.MSG.GET.{STREAM}", f"STREAM.MSG.DELETE.{STREAM}"),
        *_operations(f"CONSUMER.LIST.{STREAM}", f"CONSUMER.INFO.{STREAM}.*", f"CONSUMER.PAUSE.{STREAM}.*"),
    ]
    deny = _operations(*(f"CONSUMER.PAUSE.{STREAM}.{each}" for each in _READERS))
    heard = [
        inbox,
        subjects.LIVE,
        live_subjects.OPEN_STREAMS,
        *(live_subjects.PROCESSES, live_subjects.PROCESSES_ASKED),
        subjects.CATALOG_ENTRIES,
        *_BUCKETS.values(),
    ]
    return Permissions(publish, heard, deny)


def _of_worker(inbox: str, kinds: list[str]) -> Permissions:
    publish = [
        *(_of_kind(kind) for kind in kinds or ["*"]),
        [subjects.task_timer("*", "*"), subjects.PROBE, live_subjects.process(WORKER, "*")],
        _operations("STREAM.INFO.*", _MARK, _STARTS),
        # That the log has no such record is for its leader to say.
        _operations(f"DIRECT.GET.{STREAM}", f"STREAM.MSG.GET.{STREAM}", f"DIRECT.GET.{subjects.CATALOG_STREAM}"),
        *(([_lanes_of(kind) for kind in kinds]) or [_all_lanes()]),
    ]
    deny = (
        []
        if kinds
        else [
            subject
            for each in _READERS
            for subject in (*_uses_of(each), *_operations(f"CONSUMER.CREATE.{STREAM}.{each}.>"))
        ]
    )
    heard = [inbox, live_subjects.cancelled("*"), live_subjects.PROCESSES_ASKED]
    return Permissions([each for group in publish for each in group], heard, deny)


def _of_kind(kind: str) -> list[str]:
    """Everything that a worker publishes under the name of a kind."""
    events = [event for event in EventName if event != EventName.DELETED]
    return [*_task_events(*events, kind=kind), subjects.rate_counter(kind, "*"), subjects.catalog_entry(kind)]


def _lanes_of(kind: str) -> list[str]:
    """Everything that a worker does with the consumers of one kind, whose filters can only be the kind's queued tasks."""
    lanes = {consumer_names.run_consumer(kind, None): subjects.queued_of(kind)} | {
        consumer_names.run_consumer(kind, each): subjects.queued_in_lane(kind, each) for each in Priority
    }
    return [
        subject
        for durable, queued in lanes.items()
        for subject in (subjects.api(subjects.create_consumer(durable, queued)), *_uses_of(durable))
    ]


def _all_lanes() -> list[str]:
    return [subjects.api(subjects.create_consumer("*", subjects.queued_of("*"))), *_uses_of("*")]


def _uses_of(durable: str) -> list[str]:
    """What is done with a consumer that exists: described, paused, deleted, pulled from, and its deliveries answered."""
    operations = (f"CONSUMER.{each}.{STREAM}.{durable}" for each in ("INFO", "PAUSE", "DELETE", "MSG.NEXT"))
    return [*_operations(*operations), *_acknowledgements(durable)]


def _of_projector(inbox: str) -> Permissions:
    publish = [
        *_task_events(EventName.QUEUED, EventName.DEFERRED, EventName.FINISHED),
        subjects.batch_event(BatchEventName.SETTLED, "*", "*"),
        *(live_subjects.batch_live("*", "*", "*"), live_subjects.counts_of("*"), live_subjects.COUNTS_OF_ALL),
        live_subjects.process(PROJECTOR, "*"),
        live_subjects.schedules_of("*"),
        # A schedule that has lost its timer is saved again, which sets one.
        subjects.schedule_event(ScheduleEventName.SAVED, "*", "*"),
        *(subjects.task_timer("*", "*"), subjects.schedule_timer("*", "*")),
        *(subjects.FILLER, subjects.PROBE, subjects.COMPARED, subjects.DROPPED, live_subjects.cancelled("*")),
        *_operations("STREAM.INFO.*", _MARK, f"DIRECT.GET.{STREAM}", f"DIRECT.GET.{bucket_names.SETTINGS_STREAM}"),
        # What the workers have to do is told by every projector, and when they announced their kinds by the one that leads.
        *_operations(f"CONSUMER.LIST.{STREAM}", f"DIRECT.GET.{subjects.CATALOG_STREAM}"),
        *_operations(f"STREAM.MSG.GET.{STREAM}", f"STREAM.MSG.DELETE.{STREAM}"),
        *_operations(
            subjects.create_consumer(consumer_names.PROJECTOR, None),
            f"CONSUMER.RESET.{STREAM}.{consumer_names.PROJECTOR}",
        ),
        *_operations(subjects.create_consumer(consumer_names.FIRINGS, subjects.SCHEDULES_FIRED)),
        *_operations(*(f"CONSUMER.{what}.{STREAM}.{each}" for each in _READERS for what in ("INFO", "MSG.NEXT"))),
        *(subject for each in _READERS for subject in _acknowledgements(each)),
    ]
    # Schedules of kinds that were disabled at run time submit nothing.
    return Permissions(publish, [inbox, bucket_names.SETTINGS_ENTRIES, live_subjects.PROCESSES_ASKED], [])


def _task_events(*events: EventName, kind: str = "*") -> list[str]:
    return [subjects.task_events(kind=kind, event=event) for event in events]


def _operations(*operations: str) -> list[str]:
    return [subjects.api(operation) for operation in operations]


def _acknowledgements(durable: str) -> list[str]:
    """The subjects of acknowledgements, also in the form with a domain and an account before the stream (ADR-15)."""
    return [f"$JS.ACK.{STREAM}.{durable}.>", f"$JS.ACK.*.*.{STREAM}.{durable}.>"]
