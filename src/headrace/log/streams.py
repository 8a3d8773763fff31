"""The streams: the log itself and the key-value buckets beside it: kinds, revocations, settings.

Every process provisions all of them when it starts, which is idempotent: a missing stream is created, a changed setting is applied,
and a change that the server cannot make is an error that names it. A process whose user may not do that uses the streams as
`headrace provision` left them, and refuses those in which it could not work.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from headrace.errors import LogUnavailable
from headrace.log import bucket_names, clock, metadata, subjects
from headrace.log.denials import NotPermitted
from headrace.log.jetstream import NANOSECONDS, NO_STREAM_OR_CONSUMER, JetStream, ProvisionError, explain_refusal
from headrace.settings import StreamSettings
from headrace.telemetry import get_logger

SERVER_VERSION_MIN = (2, 14)  # the first that can set a consumer back (ADR-60)
DUPLICATE_WINDOW_SECONDS = 120  # how long a `Nats-Msg-Id` is remembered; publish retries take seconds
CATALOG_BYTES_MAX = 64 << 20  # bytes; some thousands of kinds with large schemas
IDENTITY_BYTES_MAX = 64 << 20  # bytes; some hundred thousand revocations
IDENTITY_SECONDS = 86_400  # for which they are kept; no process trusts a credential for longer than minutes
SETTINGS_BYTES_MAX = 4 << 20  # bytes; one document, and the one before it while it is replaced

PROVISIONED: Final = (  # by `headrace provision`; the others are made by the first process that needs them
    *(subjects.STREAM, subjects.CATALOG_STREAM, bucket_names.IDENTITY_STREAM, bucket_names.SETTINGS_STREAM),
)
STREAMS: Final = (  # all that Headrace has; those of counters and of the mark are made in `rates` and `continuity`
    *PROVISIONED,
    *(subjects.RATES_STREAM, subjects.LIMITS_STREAM, subjects.LONG_LIMITS_STREAM, subjects.COMPARED_STREAM),
)

# What may differ without harm in a stream that a process may not change, as while a new setting is rolled out.
_WORKABLE_DRIFT: Final = frozenset(
    {"description", "duplicate_window", "max_age", "max_bytes", "metadata", "num_replicas"}
)

log = get_logger(__name__)


class StreamState(msgspec.Struct, frozen=True):
    """The extent of the log.

    Attributes:
        epoch: When the stream was created, in milliseconds since 1970.
        first_sequence: The oldest record; 0 when the log is empty. Before it is asked for what has reached its age, see
            `kept_before`, this may be a record that the log keeps for as long as it is needed.
        last_sequence: The newest record; 0 when the log is empty.
        bytes: The size on disk.
        marks: The sequences up to which finished tasks have left the log early, or are about to, in order; see
            `headrace.projector.trimming`.
        kept_before: The time before which the log has only what it keeps beyond its age: schedules, timers, marks. None when its
            oldest record is younger.
    """

    epoch: int
    first_sequence: int
    last_sequence: int
    bytes: int
    marks: tuple[int, ...] = ()
    kept_before: datetime | None = None

    @property
    def complete_from(self) -> int:
        """The sequence from which on nothing has left the log; before it, some tasks are still whole."""
        return max(self.first_sequence, self.marks[-1] + 1) if self.marks else self.first_sequence

    @property
    def has_dropped(self) -> bool:
        """Whether finished tasks may have left the log before their time."""
        return bool(self.marks)


async def provision_streams(
    jetstream: JetStream, settings: StreamSettings, *, by_provisioner: bool = False
) -> StreamState:
    """Create or change the log and the buckets as the settings say, and return the extent of the log.

    The size at which work is refused is changed in the metadata of the log by the provisioner alone: a worker may have no such
    setting.

    Raises:
        ProvisionError: the server is too old, or refuses a change.
        LogUnavailable: JetStream does not answer.
    """
    if jetstream.server_version < SERVER_VERSION_MIN:
        needed, found = (".".join(map(str, version)) for version in (SERVER_VERSION_MIN, jetstream.server_version))
        raise ProvisionError(f"NATS {needed} or newer is needed, the server is {found}; upgrade it")
    await reconcile_stream(jetstream, _log_config(settings), kept=() if by_provisioner else (metadata.MAX_BYTES,))
    for bucket in _bucket_configs(settings):
        await reconcile_stream(jetstream, bucket)
    return await read_stream_state(jetstream)


async def log_exists(jetstream: JetStream) -> bool:
    """Whether somebody has created the log, for readers that do not create it.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    return "error" not in await jetstream.call(f"STREAM.INFO.{subjects.STREAM}")


async def read_stream_state(jetstream: JetStream) -> StreamState:
    """Ask for the extent of the log, and measure the clock by the answer.

    Raises:
        LogGone: the log does not exist.
        LogUnavailable: JetStream does not answer.
    """
    asked = clock.system_now()
    # In one answer, so that the marks are those of this very state.
    info = await _read_stream_info(jetstream, {"subjects_filter": subjects.DROPPED})
    clock.measure(asked, datetime.fromisoformat(info["ts"]), clock.system_now())
    state = info["state"]
    created = datetime.fromisoformat(info["created"])
    return StreamState(
        epoch=int(created.timestamp()) * 1000 + created.microsecond // 1000,
        first_sequence=state["first_seq"],
        last_sequence=state["last_seq"],
        bytes=state["bytes"],
        marks=tuple(sorted(map(subjects.dropped_through, state.get("subjects") or ()))),
        kept_before=_kept_before(info),
    )


def _kept_before(info: dict[str, Any]) -> datetime | None:
    horizon = _retention_horizon(info)
    return (
        horizon if info["state"]["messages"] and datetime.fromisoformat(info["state"]["first_ts"]) < horizon else None
    )


def _retention_horizon(info: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(info["ts"]) - timedelta(microseconds=info["config"]["max_age"] / 1000)


async def read_retention_horizon(jetstream: JetStream) -> datetime:
    """The time, by the server's clock, before which records have left the log.

    Raises:
        LogGone: the log does not exist.
        LogUnavailable: JetStream does not answer.
    """
    return _retention_horizon(await _read_stream_info(jetstream))


async def read_server_time(jetstream: JetStream) -> datetime:
    """The time by the clock of the log's server.

    Raises:
        LogGone: the log does not exist.
        LogUnavailable: JetStream does not answer.
    """
    return datetime.fromisoformat((await _read_stream_info(jetstream))["ts"])


async def _read_stream_info(jetstream: JetStream, wanted: dict[str, Any] | None = None) -> dict[str, Any]:
    return await jetstream.request(f"STREAM.INFO.{subjects.STREAM}", wanted)


async def reconcile_stream(jetstream: JetStream, wanted: dict[str, Any], kept: Collection[str] = ()) -> None:
    """Create a stream, or change those of its settings that differ; settings that are not in ``wanted`` stay as they are.

    Subjects are only ever added: those that are not wanted belong to a newer version, whose processes run beside this one.

    Args:
        jetstream: Where the stream is.
        wanted: Its settings.
        kept: Keys of its metadata that stay as they are when it has them.

    Raises:
        ProvisionError: the server refuses it, or this process may not change what it needs to be different.
        LogUnavailable: JetStream does not answer, or the stream does not exist and this process may not create it.
    """
    name = wanted["name"]
    info = await jetstream.call(f"STREAM.INFO.{name}")
    if "error" not in info:
        found = info["config"]
        await _change_stream(jetstream, found, _keep_subjects(_keep(wanted, found, kept), found))
        return
    if info["error"].get("err_code") not in NO_STREAM_OR_CONSUMER:
        raise ProvisionError(f"stream {name}: cannot read it: {info['error']['description']}")
    try:
        answer = await jetstream.call(f"STREAM.CREATE.{name}", metadata.with_metadata(wanted, None))
    except NotPermitted as error:
        raise LogUnavailable(
            f"stream {name} does not exist, and this process may not create it; run `headrace provision`"
        ) from error
    if refusal := answer.get("error"):
        raise ProvisionError(f"stream {name}: cannot create it: {explain_refusal(refusal)}")


def _keep(wanted: dict[str, Any], found: dict[str, Any], kept: Collection[str]) -> dict[str, Any]:
    there: dict[str, str] = found.get("metadata") or {}
    same = {key: there[key] for key in kept if key in there}
    return wanted | {"metadata": wanted["metadata"] | same} if same else wanted


def _keep_subjects(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    there: list[str] = found.get("subjects") or []
    if missing := [each for each in wanted["subjects"] if each not in there]:
        return wanted | {"subjects": [*there, *missing]}
    return wanted | {"subjects": there}


async def _change_stream(jetstream: JetStream, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    drift = metadata.drift(wanted, found)
    if not drift:
        return
    name = wanted["name"]
    changes = ", ".join(f"{key} from {found.get(key)!r} to {value!r}" for key, value in drift.items())
    try:
        answer = await jetstream.call(f"STREAM.UPDATE.{name}", found | metadata.with_metadata(wanted, found))
    except NotPermitted as error:
        said = f"stream {name}: this process may not change {changes}; run `headrace provision` with these settings"
        if not drift.keys() <= _WORKABLE_DRIFT:
            raise ProvisionError(said) from error
        log.warning(said)
        return
    if refusal := answer.get("error"):
        raise ProvisionError(f"stream {name}: cannot change {changes}: {explain_refusal(refusal)}")


def _log_config(settings: StreamSettings) -> dict[str, Any]:
    # `discard: new` would refuse `finished` too when the log is full, and nats-server refuses it together with
    # `allow_msg_schedules`. The API refuses new work at `max_bytes` instead; running tasks can still finish.
    return {
        "name": subjects.STREAM,
        "description": "everything that happens to Headrace tasks",
        "subjects": [
            *(subjects.TASKS, subjects.BATCHES, subjects.SCHEDULES, subjects.TIMERS),
            *(subjects.FILLER, subjects.PROBE, subjects.DROPPED),
        ],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "max_age": int(settings.retention * NANOSECONDS),
        "max_bytes": -1,
        "num_replicas": settings.replicas,
        "duplicate_window": min(DUPLICATE_WINDOW_SECONDS, int(settings.retention)) * NANOSECONDS,
        "allow_direct": True,
        "allow_atomic": True,
        "allow_msg_ttl": True,
        "allow_msg_schedules": True,
        "allow_rollup_hdrs": True,
        "republish": {"src": subjects.TASKS, "dest": subjects.LIVE_TASKS},
        "metadata": metadata.of_log(settings.max_bytes, settings.replicas),
    }


def _bucket_configs(settings: StreamSettings) -> list[dict[str, Any]]:
    catalog = {
        "name": subjects.CATALOG_STREAM,
        "description": "the task kinds that workers announce",
        "subjects": [subjects.CATALOG_ENTRIES],
        "max_bytes": CATALOG_BYTES_MAX,
    }
    identity = {
        "name": bucket_names.IDENTITY_STREAM,
        "description": "credentials that were revoked, and users that were changed",
        "subjects": [bucket_names.IDENTITY_ENTRIES],
        "max_bytes": IDENTITY_BYTES_MAX,
        "max_age": IDENTITY_SECONDS * NANOSECONDS,
        # The oldest credentials have long been forgotten by every process; a revocation is never refused.
        "discard": "old",
    }
    run_time = {
        "name": bucket_names.SETTINGS_STREAM,
        "description": "the settings that change at run time",
        "subjects": [bucket_names.SETTINGS_ENTRIES],
        "max_bytes": SETTINGS_BYTES_MAX,
    }
    return [_bucket_shape(settings) | each for each in (catalog, identity, run_time)]


def _bucket_shape(settings: StreamSettings) -> dict[str, Any]:
    # The shape of a key-value bucket (ADR-8), so that any NATS client can read it.
    return {
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_msgs_per_subject": 1,
        "num_replicas": settings.replicas,
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
    }
