"""What the permissions of a process's user have to allow at least: a few subjects that no other process's user may use.

`headrace check --connect` tries them. `headrace.log.permissions` has everything that a process uses; much of that cannot be tried
without an effect.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from headrace.contracts.batches import BatchEventName
from headrace.contracts.schedules import ScheduleEventName
from headrace.log import bucket_names, live_subjects, subjects
from headrace.log.client import NatsClient
from headrace.log.permissions import API, PROJECTOR, PROVISIONER, WORKER


class Needs(NamedTuple):
    """Subjects to publish to, and to subscribe to."""

    publish: list[str]
    subscribe: list[str]


_ANY = "any"

NEEDS: Final = {
    API: Needs(
        [
            subjects.api(f"STREAM.INFO.{subjects.STREAM}"),
            subjects.api(f"DIRECT.GET.{bucket_names.IDENTITY_STREAM}"),
            subjects.batch_event(BatchEventName.CREATED, _ANY, _ANY),
            subjects.limit_counter(_ANY, _ANY, 0, is_long=False),
        ],
        [subjects.CATALOG_ENTRIES, bucket_names.IDENTITY_ENTRIES, bucket_names.SETTINGS_ENTRIES],
    ),
    # A worker may be permitted some kinds only, so that the subjects of kinds are not asked for.
    WORKER: Needs(
        [
            subjects.api(f"STREAM.INFO.{subjects.STREAM}"),
            subjects.api(f"STREAM.CREATE.{subjects.RATES_STREAM}"),
            subjects.task_timer(_ANY, _ANY),
        ],
        [live_subjects.cancelled("*")],
    ),
    PROJECTOR: Needs(
        [
            subjects.api(f"STREAM.INFO.{subjects.STREAM}"),
            subjects.batch_event(BatchEventName.SETTLED, _ANY, _ANY),
            subjects.schedule_event(ScheduleEventName.SAVED, _ANY, _ANY),
        ],
        [bucket_names.SETTINGS_ENTRIES],
    ),
    PROVISIONER: Needs([subjects.api(f"STREAM.CREATE.{subjects.STREAM}")], []),
}


async def missing_permissions(client: NatsClient, user: str) -> list[str]:
    """Return what the user of a connection may not do and one of `USERS` has to, each as ``publish to hr.probe``.

    Raises:
        nats.errors.Error: The connection is lost.
    """
    needs = NEEDS[user]
    with client.denials.collecting() as refused:
        # No stream takes these messages, and nobody answers them: they are for a stream that there is not, and have no body.
        for subject in needs.publish:
            await client.publish(subject, headers={subjects.EXPECTED_STREAM: "no-stream"})
        for subject in needs.subscribe:
            await (await client.subscribe(subject)).unsubscribe()
        # The server answers in order.
        await client.flush()
    return [each.described() for each in refused]
