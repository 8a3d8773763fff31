"""Making the stream, the catalog bucket and the consumers what the settings say, whatever they were before.

Every process does this at start; it is idempotent. A changed setting is applied, a change that the server cannot make is an
error that says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
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
CATALOG_BYTES_MAX = 64 << 20  # bytes; some thousands of kinds with large schemas
SERVER_VERSION_MIN = (2, 14)  # the first that can set a consumer back (ADR-60)

_NOT_FOUND = frozenset({10014, 10059})  # consumer, stream
_NO_SUCH_RECORD = frozenset({10037, 10043, 10057})  # it was withdrawn before, or has aged out
_NANOSECONDS = 1_000_000_000


class ProvisionError(Exception):
    """The log cannot be made what the settings say. The message says what to change."""


class StreamState(msgspec.Struct, frozen=True):
    """Where the log stands. ``epoch``: its creation, in milliseconds since 1970; sequences are 0 when it is empty."""

    epoch: int
    first_sequence: int
    last_sequence: int
    bytes: int


class Lane(msgspec.Struct, frozen=True):
    """A kind's consumer of one priority: when it was made, and how many records wait for it."""

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
    info = await request(connection, f"STREAM.INFO.{subjects.STREAM}")
    state = info["state"]
    created = datetime.fromisoformat(info["created"])
    return StreamState(
        epoch=int(created.timestamp()) * 1000 + created.microsecond // 1000,
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        bytes=state["bytes"],
    )


async def provision_lane(connection: Client, settings: StreamSettings, kind: str, priority: Priority) -> Lane:
    """Create or reconcile the consumer of one kind and priority.

    Raises:
        ProvisionError: the server refuses it.
        LogUnavailable: JetStream does not answer.
    """
    config = {
        "durable_name": subjects.run_consumer(kind, priority),
        "description": f"queued tasks of kind {kind}, priority {priority}",
        "filter_subject": subjects.queued_in_lane(kind, priority),
        "ack_policy": "explicit",
        "ack_wait": int(settings.ack_wait * _NANOSECONDS),
        "max_deliver": -1,  # a task that kills its workers is ended by them, with a reason, not dropped by the broker
        "max_ack_pending": RUN_ACK_PENDING_MAX,
        "metadata": _monitoring(waiting_critical=100_000, outstanding_critical=RUN_ACK_PENDING_MAX),
    }
    info = await _create_consumer(connection, config)
    return Lane(created=datetime.fromisoformat(info["created"]), waiting=info["num_pending"])


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
            "description": "log to read model",
            "filter_subjects": [subjects.TASKS, subjects.BATCHES],
            "ack_policy": "all",
            "ack_wait": 60 * _NANOSECONDS,
            "max_deliver": -1,
            "max_ack_pending": PROJECTOR_ACK_PENDING_MAX,
            "metadata": _monitoring(waiting_critical=100_000, outstanding_critical=PROJECTOR_ACK_PENDING_MAX),
        },
    )


async def reset_consumer(connection: Client, durable: str, sequence: int) -> None:
    """Set a consumer so that it next delivers the first record at or after a sequence (ADR-60).

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    await request(connection, f"CONSUMER.RESET.{subjects.STREAM}.{durable}", {"seq": sequence})


async def purge(connection: Client, subject: str) -> None:
    """Take everything of one subject out of the log, as a timer that is no longer wanted.

    Raises:
        LogUnavailable: JetStream does not answer, or refuses.
    """
    await request(connection, f"STREAM.PURGE.{subjects.STREAM}", {"filter": subject})


async def withdraw(connection: Client, sequence: int) -> None:
    """Take one record out of the log: a queued task that no worker is to be given.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    body = {"seq": sequence, "no_erase": True}
    answer = await _call(connection, f"STREAM.MSG.DELETE.{subjects.STREAM}", body)
    if (error := answer.get("error")) and error.get("err_code") not in _NO_SUCH_RECORD:
        raise LogUnavailable(f"JetStream refused to withdraw {sequence}: {error['description']}")


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
        LogUnavailable: no answer, or an error.
    """
    answer = await _call(connection, operation, body)
    if error := answer.get("error"):
        raise LogUnavailable(f"JetStream refused {operation}: {error['description']} ({error.get('err_code')})")
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
