"""A survey of NATS for `headrace check`: what the servers say about themselves, without changing anything."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from headrace.log import subjects
from headrace.log.client import open_client
from headrace.log.jetstream import JetStream
from headrace.log.nats_errors import nats_errors_as_unavailable
from headrace.log.needs import missing_permissions
from headrace.settings import Settings


class Survey(Struct, frozen=True):
    """What was found.

    Attributes:
        asks_who_we_are: Whether the server lets nobody in without credentials.
        is_in_cluster: Whether the server is one of several that keep copies for each other.
        replicas: How many copies the log has; None when there is no log yet.
        not_permitted: What our user may not do and has to, each as ``publish to hr.probe``.
    """

    asks_who_we_are: bool
    is_in_cluster: bool
    replicas: int | None
    not_permitted: list[str]


async def survey_nats(settings: Settings, patience: float, work_of: str | None) -> Survey:
    """Connect and look.

    Args:
        settings: Where NATS is, and who we are there.
        patience: Seconds to wait for a connection.
        work_of: The user of `headrace.log.permissions` whose work our user has to be permitted; None to ask for nothing.

    Raises:
        NotLetIn: NATS does not accept our credentials.
        LogUnavailable: NATS cannot be reached within ``patience`` seconds, or JetStream does not answer.
    """
    async with open_client(settings.nats, "check", patience) as client:
        info: dict[str, Any] = await JetStream(client).call(f"STREAM.INFO.{subjects.STREAM}")
        replicas = None if "error" in info else info["config"]["num_replicas"]
        with nats_errors_as_unavailable():
            not_permitted = await missing_permissions(client, work_of) if work_of else []
        return Survey(client.asks_who_we_are, client.is_in_cluster, replicas, not_permitted)
