"""A survey of NATS for `headrace check`: what the servers say about themselves, without changing anything."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from headrace.log import subjects
from headrace.log.client import open_client
from headrace.log.jetstream import JetStream
from headrace.settings import Settings


class Survey(Struct, frozen=True):
    """What was found.

    Attributes:
        asks_who_we_are: Whether the server lets nobody in without credentials.
        replicas: How many copies the log has; None when there is no log yet.
    """

    asks_who_we_are: bool
    replicas: int | None


async def survey_nats(settings: Settings, patience: float) -> Survey:
    """Connect and look.

    Raises:
        LogUnavailable: NATS cannot be reached within ``patience`` seconds, or JetStream does not answer.
    """
    async with open_client(settings.nats, "check", patience) as client:
        info: dict[str, Any] = await JetStream(client).call(f"STREAM.INFO.{subjects.STREAM}")
        replicas = None if "error" in info else info["config"]["num_replicas"]
        return Survey(client.asks_who_we_are, replicas)
