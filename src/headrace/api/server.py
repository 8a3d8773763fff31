"""The API process: opens the resources, serves, and drains when told to stop."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from headrace.api.app import create_app
from headrace.api.bodies import read_out_refused
from headrace.api.comparison import compare
from headrace.api.correlation import correlate
from headrace.api.resources import Resources, checkpoint_of
from headrace.log.connection import open_log
from headrace.settings import ApiSettings, Settings, split_bind
from headrace.store.engine import sqlalchemy_config
from headrace.telemetry import get_logger

BACKLOG = 2048  # connections waiting to be accepted, as when all browsers come back at once

log = get_logger(__name__)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the API until ``stop`` is set, then end its streams and its requests and return.

    Raises:
        LogUnavailable: NATS cannot be reached at start.
        ProvisionError: the log cannot be made what the settings say.
        OSError: the address cannot be listened on.
    """
    database = sqlalchemy_config(settings.database)
    sessions = database.create_session_maker()
    async with open_log(settings, "api", lambda opened: compare(opened, lambda: checkpoint_of(sessions))) as opened:
        resources = Resources(opened, settings, sessions)
        await resources.catalog.open()
        background = [asyncio.create_task(resources.measure()), asyncio.create_task(resources.hub.watch())]
        server = _server(settings.api, resources)
        serving = asyncio.create_task(server.serve(), name="server")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        log.info("listening", address=settings.api.bind)
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        log.info("draining", streams=resources.hub.followers)
        resources.hub.drain()
        server.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(serving), settings.api.grace)
        for task in (*background, stopping):
            task.cancel()
        await database.get_engine().dispose()
    if not serving.done():  # a client that does not read keeps its connection; it will resume elsewhere
        log.warning("ended with open connections", streams=resources.hub.followers)
        os._exit(0)
    log.info("stopped")


def _server(settings: ApiSettings, resources: Resources) -> Server:
    host, port = split_bind(settings.bind)
    return Server(
        correlate(read_out_refused(create_app(resources))),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=BACKLOG,
        backpressure=settings.connections,
        log_level=LogLevels.error,  # its one warning is that this way of embedding is new; errors go where all logs go
        log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}},
        log_access=False,
    )
