"""Provisioning every stream at once, by the user that may: `headrace provision`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.errors import LogUnavailable
from headrace.log.client import RECONNECT_WAIT_SECONDS, START_TIMEOUT_SECONDS, NatsClient, open_client
from headrace.log.continuity import mark_config
from headrace.log.jetstream import JetStream, ProvisionError
from headrace.log.nats_errors import nats_errors_as_unavailable
from headrace.log.needs import missing_permissions
from headrace.log.permissions import PROVISIONER
from headrace.log.rates import limits_configs, rates_config
from headrace.log.streams import StreamState, provision_streams, reconcile_stream
from headrace.settings import Settings, StreamSettings
from headrace.telemetry import get_logger

log = get_logger(__name__)

NoteWait = Callable[[str], None]


def ignore_wait(why: str) -> None:
    """Nobody asks this process what it waits for."""


async def provision(settings: Settings) -> None:
    """Connect, and create or change every stream as the settings say.

    Raises:
        LogUnavailable: NATS or JetStream cannot be reached within a minute.
        ProvisionError: the server refuses a change, or permits this user none.
    """
    async with open_client(settings.nats, "provisioner") as connection:
        jetstream = JetStream(connection)
        await _require_permission(connection, settings)
        await provision_when_ready(jetstream, settings.stream, by_provisioner=True)
        counters = [rates_config(settings.stream), *limits_configs(settings.stream)]
        for wanted in (*counters, mark_config(settings.stream.replicas)):
            await reconcile_stream(jetstream, wanted)


async def _require_permission(connection: NatsClient, settings: Settings) -> None:
    """Ask whether this user may create streams, who would wait for somebody else to create them otherwise."""
    with nats_errors_as_unavailable():
        missing = await missing_permissions(connection, PROVISIONER)
    if missing:
        who = f"the user {settings.nats.user!r}" if settings.nats.user else "this user"
        raise ProvisionError(
            f"NATS does not permit {who} to create streams; set HEADRACE_NATS_USER={PROVISIONER}, with its password, "
            "as docs/nats-accounts.conf has it"
        )


async def provision_when_ready(
    jetstream: JetStream, settings: StreamSettings, *, by_provisioner: bool = False, on_wait: NoteWait = ignore_wait
) -> StreamState:
    """Provision the log and what belongs to it, waiting for a JetStream that is still recovering its files.

    A process that may not create streams waits here for those of the provisioner. ``on_wait`` is told what is waited for.

    Raises:
        LogUnavailable: JetStream does not answer within a minute, or there is no log by then.
        ProvisionError: the server refuses a change.
    """
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_SECONDS
    logged = ""
    on_wait("JetStream has not answered yet")
    while True:
        try:
            return await provision_streams(jetstream, settings, by_provisioner=by_provisioner)
        except LogUnavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            if error.message != logged:
                log.warning("waiting for JetStream", error=error.message)
            logged = error.message
            on_wait(error.message)
        # A server that starts does not tell when it is ready.
        await asyncio.sleep(RECONNECT_WAIT_SECONDS)
