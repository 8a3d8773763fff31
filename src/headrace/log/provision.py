"""Making the stream, the catalog bucket and the consumers what the settings say, whatever they were before.

Every process does this at start; it is idempotent. A changed setting is applied, a change that the server cannot make is an
error that says which.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError

from headrace.contracts.tasks import Priority
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.settings import StreamSettings

API_TIMEOUT_SECONDS = 2.5  # answers take milliseconds; one that a restart swallowed never comes
DUPLICATE_WINDOW_SECONDS = 120  # how long a `Nats-Msg-Id` is remembered; publish retries take seconds
RUN_ACK_PENDING_MAX = 50_000  # deliveries in flight over all workers of a lane; the workers' slots are the real bound
PROJECTOR_ACK_PENDING_MAX = 20_000  # events
SUBJECTS_PAGE = 100_000  # what the server names in one answer
FIRINGS_ACK_PENDING_MAX = 1000  # firings, over all projectors
FIRINGS_ACK_WAIT_SECONDS = 5  # submitting a task takes milliseconds; after this another projector does it
CATALOG_BYTES_MAX = 64 << 20  # bytes; some thousands of kinds with large schemas
RATES_AGE_SECONDS_MIN = 300  # for rates of one a second and more; clocks of workers differ by less
RESUME_SECONDS = 0.05  # a pause that ends by itself wakes who waits for records; one that is lifted does not
PAUSED_UNTIL = "2200-01-01T00:00:00Z"  # until somebody resumes it
SERVER_VERSION_MIN = (2, 14)  # the first that can set a consumer back (ADR-60)

_NO_STREAM = 10059
_NOT_FOUND = frozenset({10014, _NO_STREAM})  # consumer, stream
_NO_SUCH_RECORD = frozenset({10037, 10043, 10057})  # it was withdrawn before, or has aged out
_NANOSECONDS = 1_000_000_000


class ProvisionError(Exception):
    """The log cannot be made what the settings say. The message says what to change."""


class LogGone(LogUnavailable):
    """JetStream answers, and has no such stream."""


class StreamState(msgspec.Struct, frozen=True):
    """Where the log stands. ``epoch``: its creation, in milliseconds since 1970; sequences are 0 when it is empty."""

    epoch: int
    first_sequence: int
    last_sequence: int
    bytes: int


class Lane(msgspec.Struct, frozen=True):
    """A consumer that the workers of a kind share.

    Attributes:
        durable: Its name.
        priority: Which tasks it hands out; None for all.
        created: Since when nobody but this consumer hands them out.
        waiting: How many records wait for it.
    """

    durable: str
    priority: Priority | None
    created: datetime
    waiting: int


async def provision(connection: Client, settings: StreamSettings) -> StreamState:
    """Create or reconcile the stream and the catalog bucket.

    Raises:
        ProvisionError: the server is too old, or refuses a change.
        LogUnavailable: JetStream does not answer.
    """
    version = connection.connected_server_version
    if (version.major, version.minor) < SERVER_VERSION_MIN:
        needed = ".".join(map(str, SERVER_VERSION_MIN))
        raise ProvisionError(
            f"NATS {needed} or newer is needed, the server is {version.major}.{version.minor}; upgrade it"
        )
    await _reconcile_stream(connection, _log_config(settings))
    await _reconcile_stream(connection, _catalog_config(settings))
    return await stream_state(connection)


async def exists(connection: Client) -> bool:
    """Whether the log has been made, for readers that do not make it.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    names = await request(connection, "STREAM.NAMES", {"subject": subjects.TASKS})
    return subjects.STREAM in (names["streams"] or ())


async def stream_state(connection: Client) -> StreamState:
    """Ask the log where it stands.

    Raises:
        LogUnavailable: it does not answer, or there is no such stream.
    """
    info = await stream_info(connection)
    state = info["state"]
    created = datetime.fromisoformat(info["created"])
    return StreamState(
        epoch=int(created.timestamp()) * 1000 + created.microsecond // 1000,
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        bytes=state["bytes"],
    )


async def stream_info(connection: Client) -> dict[str, Any]:
    """The log, as the server describes it (`io.nats.jetstream.api.v1.stream_info_response`).

    Raises:
        LogUnavailable: it does not answer, or there is no such stream.
    """
    return await request(connection, f"STREAM.INFO.{subjects.STREAM}")


async def provision_lanes(
    connection: Client, settings: StreamSettings, kind: str, concurrency: int | None
) -> list[Lane]:
    """Create or reconcile the consumers of a kind: one for each priority, or one for all that lets ``concurrency`` run.

    A kind that had those of the other form until now has them taken away; the new ones begin where those were, and are
    paused when those were. So workers of both forms must not do this by turns: see `headrace.worker.announce.is_superseded`.

    Raises:
        ProvisionError: the server refuses one.
        LogUnavailable: JetStream does not answer.
    """
    last_sequence = (await stream_state(connection)).last_sequence
    before = await kind_consumers(connection, kind)
    priorities = tuple(Priority) if concurrency is None else (None,)
    wanted = {subjects.run_consumer(kind, priority): priority for priority in priorities}
    others = [info for durable, info in before.items() if durable not in wanted]
    inherited = _inherited(before.values(), others, last_sequence)
    lanes = [
        await _provision_lane(connection, settings, kind, priority, concurrency, before.get(durable), inherited)
        for durable, priority in wanted.items()
    ]
    if not others:
        return lanes
    now = await kind_consumers(connection, kind)  # somebody may have paused or resumed the others meanwhile
    if left := [now[info["name"]] for info in others if info["name"] in now]:
        await pause_kind(connection, kind, paused=any(map(_is_paused, left)))
    for info in others:
        await _delete_consumer(connection, info["name"])
    alone_since = datetime.fromisoformat((await stream_info(connection))["ts"])  # by the server's clock
    return [msgspec.structs.replace(lane, created=alone_since) for lane in lanes]


async def kind_consumers(connection: Client, kind: str) -> dict[str, dict[str, Any]]:
    """The consumers that there are of a kind, by name, as the server describes them.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    names = [subjects.run_consumer(kind, priority) for priority in (None, *Priority)]
    found = await asyncio.gather(
        *(_call(connection, f"CONSUMER.INFO.{subjects.STREAM}.{durable}") for durable in names)
    )
    for info in found:
        if (error := info.get("error")) and error.get("err_code") not in _NOT_FOUND:
            raise LogUnavailable(f"JetStream does not describe the consumers of {kind}: {error['description']}")
    return {info["name"]: info for info in found if "error" not in info}


async def pause_kind(connection: Client, kind: str, *, paused: bool) -> bool:
    """Have the consumers of a kind hand out nothing until they are told otherwise; or have them go on.

    Returns:
        Whether the kind has any.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    while True:  # one may be made while we look, with what the others were before
        found = await kind_consumers(connection, kind)
        others = {durable: info for durable, info in found.items() if _is_paused(info) != paused}
        if not others:
            return bool(found)
        for durable, info in others.items():
            body = {"pause_until": PAUSED_UNTIL if paused else _soon(info["ts"])}
            await request(connection, f"CONSUMER.PAUSE.{subjects.STREAM}.{durable}", body)
        if not paused:
            await asyncio.sleep(2 * RESUME_SECONDS)


async def paused_kinds(connection: Client) -> frozenset[str]:
    """The kinds whose consumers are paused.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    found = (subjects.kind_of_consumer(info["name"]) for info in await consumers(connection) if _is_paused(info))
    return frozenset(kind for kind in found if kind is not None)


async def provision_rates(connection: Client, replicas: int, window: float) -> None:
    """Create the stream that counts the starts of kinds with a rate, or have it remember for longer.

    It is kept in memory: after a restart of its servers, what was started in the current window is not known.

    Args:
        connection: Connected to NATS.
        replicas: Copies.
        window: Seconds over which starts are counted.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    info = await _call(connection, f"STREAM.INFO.{subjects.RATES_STREAM}")
    age = max(RATES_AGE_SECONDS_MIN, int(2 * window)) * _NANOSECONDS
    if "error" not in info:
        age = max(age, info["config"]["max_age"])  # another kind may have a longer window
    config = {
        "name": subjects.RATES_STREAM,
        "description": "starts of tasks whose kind has a rate, counted",
        "subjects": [subjects.RATES],
        "storage": "memory",
        "retention": "limits",
        "discard": "old",
        "max_age": age,
        "max_msgs_per_subject": 1,
        "num_replicas": replicas,
        "allow_direct": True,
        "allow_msg_counter": True,
    }
    await _reconcile_stream(connection, config)


class Compared(msgspec.Struct, frozen=True):
    """Whether the log was compared with the read model, and since when its servers live: records are younger or suspect."""

    said: bool
    since: datetime


async def provision_compared(connection: Client, replicas: int) -> Compared:
    """Make sure of the stream that says, as long as its servers live, that the log was compared with the read model.

    Returns:
        What it says.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    info = await _call(connection, f"STREAM.INFO.{subjects.COMPARED_STREAM}")
    if "error" in info:
        config = {
            "name": subjects.COMPARED_STREAM,
            "description": "says that the log was compared with the read model since these servers started",
            "subjects": [subjects.COMPARED],
            "storage": "memory",
            "retention": "limits",
            "max_msgs": 1,
            "num_replicas": replicas,
        }
        info = await _call(connection, f"STREAM.CREATE.{subjects.COMPARED_STREAM}", config)
    if error := info.get("error"):
        raise ProvisionError(f"stream {subjects.COMPARED_STREAM}: cannot create it: {error['description']}")
    return Compared(said=info["state"]["messages"] > 0, since=datetime.fromisoformat(info["created"]))


async def provision_projector(connection: Client) -> None:
    """Create or reconcile the projector's consumer.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    await _create_consumer(
        connection,
        {
            "durable_name": subjects.PROJECTOR,
            "description": "log to read model",  # without a filter: several cost the server a third of a millisecond an event
            "ack_policy": "all",
            "ack_wait": 60 * _NANOSECONDS,
            "max_deliver": -1,
            "max_ack_pending": PROJECTOR_ACK_PENDING_MAX,
            "metadata": _monitoring(waiting_critical=100_000, outstanding_critical=PROJECTOR_ACK_PENDING_MAX),
        },
    )


async def provision_firings(connection: Client) -> None:
    """Create or reconcile the consumer that projectors share for the firings of schedules.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    await _create_consumer(
        connection,
        {
            "durable_name": subjects.FIRINGS,
            "description": "firings of schedules, each to submit a task",
            "filter_subject": subjects.SCHEDULES_FIRED,
            "ack_policy": "explicit",
            "ack_wait": FIRINGS_ACK_WAIT_SECONDS * _NANOSECONDS,
            "max_deliver": -1,
            "max_ack_pending": FIRINGS_ACK_PENDING_MAX,
            "metadata": _monitoring(waiting_critical=10_000, outstanding_critical=FIRINGS_ACK_PENDING_MAX),
        },
    )


async def reset_consumer(connection: Client, durable: str, sequence: int) -> None:
    """Set a consumer so that it next delivers the first record at or after a sequence (ADR-60).

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    await request(connection, f"CONSUMER.RESET.{subjects.STREAM}.{durable}", {"seq": sequence})


async def purge(connection: Client, subject: str, before: int | None = None) -> None:
    """Take everything of one subject out of the log, as a timer that is no longer wanted.

    Args:
        connection: Connected to NATS.
        subject: The subject.
        before: Only what stands before this sequence, to leave alone what somebody else has put there since.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    body = {"filter": subject} | ({} if before is None else {"seq": before})
    await request(connection, f"STREAM.PURGE.{subjects.STREAM}", body)


async def subjects_there(connection: Client, wanted: str) -> set[str]:
    """The subjects in the log that match.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    found: set[str] = set()
    while True:
        body = {"subjects_filter": wanted, "offset": len(found)}
        info = await request(connection, f"STREAM.INFO.{subjects.STREAM}", body)
        page: dict[str, int] = info["state"].get("subjects") or {}
        found |= page.keys()
        if len(page) < SUBJECTS_PAGE:
            return found


async def withdraw(connection: Client, sequence: int) -> None:
    """Take one record out of the log: a queued task that no worker is to be given.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    body = {"seq": sequence, "no_erase": True}
    answer = await _call(connection, f"STREAM.MSG.DELETE.{subjects.STREAM}", body)
    if (error := answer.get("error")) and error.get("err_code") not in _NO_SUCH_RECORD:
        raise LogUnavailable(f"JetStream refused to withdraw {sequence}: {error['description']}")


async def last_sequence_of(connection: Client, subject: str) -> int:
    """The sequence of the newest record whose subject matches, as the stream's leader has it; 0 for none.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    answer = await _call(connection, f"STREAM.MSG.GET.{subjects.STREAM}", {"last_by_subj": subject, "no_hdr": True})
    if error := answer.get("error"):
        if error.get("err_code") in _NO_SUCH_RECORD:
            return 0
        raise LogUnavailable(f"JetStream refused to say what is last: {error['description']}")
    return answer["message"]["seq"]


async def delivered(connection: Client, durable: str) -> int:
    """How many deliveries a consumer has made since it was made or reset.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    info = await request(connection, f"CONSUMER.INFO.{subjects.STREAM}.{durable}")
    return info["delivered"]["consumer_seq"]


async def consumers(connection: Client) -> list[dict[str, Any]]:
    """Every consumer of the log, as the server describes it (`io.nats.jetstream.api.v1.consumer_info`).

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    found: list[dict[str, Any]] = []
    while True:
        page = await request(connection, f"CONSUMER.LIST.{subjects.STREAM}", {"offset": len(found)})
        found += page["consumers"] or []
        if len(found) >= page["total"] or not page["consumers"]:
            return found


async def request(connection: Client, operation: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Call the JetStream API.

    Raises:
        LogGone: there is no such stream.
        LogUnavailable: no answer, or another error.
    """
    answer = await _call(connection, operation, body)
    if error := answer.get("error"):
        kind = LogGone if error.get("err_code") == _NO_STREAM else LogUnavailable
        raise kind(f"JetStream refused {operation}: {error['description']} ({error.get('err_code')})")
    return answer


def _log_config(settings: StreamSettings) -> dict[str, Any]:
    # `discard: new` would refuse `finished` too when the log is full, and nats-server refuses it together with
    # `allow_msg_schedules`. The API refuses new work at `max_bytes` instead; what runs can still end.
    return {
        "name": subjects.STREAM,
        "description": "everything that happens to Headrace tasks",
        "subjects": [subjects.TASKS, subjects.BATCHES, subjects.SCHEDULES, subjects.TIMERS, subjects.FILLER],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "max_age": int(settings.retention * _NANOSECONDS),
        "max_bytes": -1,
        "num_replicas": settings.replicas,
        "duplicate_window": min(DUPLICATE_WINDOW_SECONDS, int(settings.retention)) * _NANOSECONDS,
        "allow_direct": True,
        "allow_atomic": True,
        "allow_msg_ttl": True,
        "allow_msg_schedules": True,
        "allow_rollup_hdrs": True,
        "republish": {"src": subjects.TASKS, "dest": subjects.LIVE_TASKS},
    }


def _catalog_config(settings: StreamSettings) -> dict[str, Any]:
    return {  # a key-value bucket, ADR-8
        "name": subjects.CATALOG_STREAM,
        "description": "the task kinds that workers announce",
        "subjects": [subjects.CATALOG_ENTRIES],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_msgs_per_subject": 1,
        "max_bytes": CATALOG_BYTES_MAX,
        "num_replicas": settings.replicas,
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
    }


async def _provision_lane(
    connection: Client,
    settings: StreamSettings,
    kind: str,
    priority: Priority | None,
    concurrency: int | None,
    found: Mapping[str, Any] | None,
    inherited: dict[str, Any],
) -> Lane:
    durable = subjects.run_consumer(kind, priority)
    limit = RUN_ACK_PENDING_MAX if concurrency is None else concurrency
    all_of_them = f"queued tasks of kind {kind}"
    config = {
        "durable_name": durable,
        "description": all_of_them if priority is None else f"{all_of_them}, priority {priority}",
        "filter_subject": subjects.queued_of(kind) if priority is None else subjects.queued_in_lane(kind, priority),
        "ack_policy": "explicit",
        "ack_wait": int(settings.ack_wait * _NANOSECONDS),
        "max_deliver": -1,  # a task that kills its workers is ended by them, with a reason, not dropped by the broker
        "max_ack_pending": limit,
        "metadata": _monitoring(waiting_critical=100_000, outstanding_critical=limit + (priority is None)),
    }
    try:
        info = await _create_consumer(connection, config | (inherited if found is None else _fixed(found)))
    except ProvisionError:
        now = (await kind_consumers(connection, kind)).get(durable)
        if now is None or found is not None:
            raise
        info = await _create_consumer(connection, config | _fixed(now))  # somebody else made it meanwhile
    return Lane(
        durable=durable,
        priority=priority,
        created=datetime.fromisoformat(info["created"]),
        waiting=info["num_pending"],
    )


def _fixed(found: Mapping[str, Any]) -> dict[str, Any]:
    """What of a consumer's configuration cannot be changed and must be repeated: where it began."""
    return {key: found["config"][key] for key in ("deliver_policy", "opt_start_seq") if key in found["config"]}


def _inherited(
    all_before: Iterable[Mapping[str, Any]], others: Sequence[Mapping[str, Any]], last_sequence: int
) -> dict[str, Any]:
    """What a new consumer takes over from those there were: that they are paused, and where the other form's were.

    Args:
        all_before: All of them.
        others: Those of the other form.
        last_sequence: Where the log stood before they were described.
    """
    until = [info["config"]["pause_until"] for info in all_before if _is_paused(info)]
    inherited: dict[str, Any] = {"pause_until": max(until)} if until else {}
    if not others:
        return inherited
    floors = [
        info["ack_floor"]["stream_seq"] if info["num_pending"] or info["num_ack_pending"] else last_sequence
        for info in others
    ]
    return inherited | {"deliver_policy": "by_start_sequence", "opt_start_seq": min(floors) + 1}


def _soon(now: str) -> str:
    return (datetime.fromisoformat(now) + timedelta(seconds=RESUME_SECONDS)).isoformat()


def _is_paused(info: Mapping[str, Any]) -> bool:
    return bool(info.get("paused"))


def _monitoring(*, waiting_critical: int, outstanding_critical: int) -> dict[str, str]:
    # read by the stock `nats server check consumer`
    return {
        "io.nats.monitor.enabled": "1",
        "io.nats.monitor.waiting-critical": "0",
        "io.nats.monitor.unprocessed-critical": str(waiting_critical),
        "io.nats.monitor.outstanding-ack-critical": str(outstanding_critical),
    }


async def _reconcile_stream(connection: Client, wanted: dict[str, Any]) -> None:
    name = wanted["name"]
    info = await _call(connection, f"STREAM.INFO.{name}")
    if "error" not in info:
        drift = {key: value for key, value in wanted.items() if info["config"].get(key) != value}
        if not drift:
            return
        answer = await _call(connection, f"STREAM.UPDATE.{name}", info["config"] | wanted)
        changed = ", ".join(f"{key} from {info['config'].get(key)!r} to {value!r}" for key, value in drift.items())
        doing = f"change {changed}"
    elif info["error"].get("err_code") in _NOT_FOUND:
        answer = await _call(connection, f"STREAM.CREATE.{name}", wanted)
        doing = "create it"
    else:
        answer, doing = info, "read it"
    if error := answer.get("error"):
        raise ProvisionError(f"stream {name}: cannot {doing}: {error['description']}")


async def _create_consumer(connection: Client, config: dict[str, Any]) -> dict[str, Any]:
    durable = config["durable_name"]
    answer = await _call(
        connection,
        f"CONSUMER.DURABLE.CREATE.{subjects.STREAM}.{durable}",
        {"stream_name": subjects.STREAM, "config": config},
    )
    if error := answer.get("error"):
        raise ProvisionError(f"consumer {durable}: cannot create or change it: {error['description']}")
    return answer


async def _delete_consumer(connection: Client, durable: str) -> None:
    answer = await _call(connection, f"CONSUMER.DELETE.{subjects.STREAM}.{durable}")
    if (error := answer.get("error")) and error.get("err_code") not in _NOT_FOUND:
        raise LogUnavailable(f"JetStream refused to delete consumer {durable}: {error['description']}")


async def _call(connection: Client, operation: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    payload = msgspec.json.encode(body) if body is not None else b""
    try:
        message = await connection.request(subjects.api(operation), payload, timeout=API_TIMEOUT_SECONDS)
    except NatsTimeoutError as error:
        raise LogUnavailable(f"JetStream did not answer {operation} within {API_TIMEOUT_SECONDS:g} s") from error
    except NoRespondersError as error:
        raise LogUnavailable(
            "NATS answers, but without JetStream; start it with -js, or wait until it is ready"
        ) from error
    except NatsError as error:  # the connection is lost or closing
        raise LogUnavailable(f"the log cannot be reached ({error}); try again in a moment") from error
    return cast("dict[str, Any]", msgspec.json.decode(message.data))
