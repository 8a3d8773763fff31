"""The API process: opens the resources, serves, and drains when told to stop."""

from __future__ import annotations

import asyncio
import os
import resource
from contextlib import AsyncExitStack, suppress
from functools import partial

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from headrace.api.app import create_app
from headrace.api.edge.correlation import correlate
from headrace.api.edge.unread_body import read_out_refused
from headrace.api.read_model import ReadModel
from headrace.api.state import ApiState
from headrace.api.streaming.metrics import Exposed
from headrace.api.v1.follow_links import open_to_origins
from headrace.health import serve_health
from headrace.lifecycle.verify_log import verify_log
from headrace.log.connection import Log, open_log
from headrace.settings import ApiSettings, Settings, split_bind
from headrace.store.engine import sqlalchemy_config
from headrace.telemetry import get_logger

IDLE_MILLISECONDS = 90_000  # proxies keep idle connections for 60 or 75 s, and have to be the ones who close them
FILES_BESIDES = 256  # open files that are not connections of clients
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
    read_model = ReadModel(database.create_session_maker())
    allow_connections(settings.api.connections)
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(
            open_log(settings, "api", lambda opened: verify_log(opened, read_model.checkpoint_for_verification))
        )
        api = ApiState(opened, settings, read_model)
        await api.catalog.open()
        background = [
            asyncio.create_task(each) for each in (api.capacity.measure(), api.hub.watch(), api.streams.watch())
        ]
        server = _server(settings.api, api)
        if settings.api.metrics:
            exposed = Exposed(api.metrics, lambda: len(api.streams), lambda: api.hub.feeds)
            checks = partial(_checks, opened)
            await stack.enter_async_context(serve_health(settings.api.metrics, checks, metrics=exposed.page))
        serving = asyncio.create_task(server.serve(), name="server")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        log.info("listening", address=settings.api.bind)
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        log.info("draining", streams=len(api.streams))
        api.streams.drain()
        api.hub.drain()
        server.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(serving), settings.api.grace)
        for task in (*background, stopping):
            task.cancel()
        await database.get_engine().dispose()
    if not serving.done():  # a client that does not read keeps its connection; it will resume elsewhere
        log.warning("ended with open connections", streams=len(api.streams))
        os._exit(0)
    log.info("stopped")


def allow_connections(count: int) -> None:
    """Let this process have so many connections open, as far as the system does: many begin with a thousand."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + FILES_BESIDES
    if hard != resource.RLIM_INFINITY and wanted > hard:
        log.warning("fewer connections than set are possible; raise the limit of open files", wanted=wanted, limit=hard)
        wanted = hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _checks(opened: Log) -> dict[str, str]:
    return {"log": "ok" if opened.is_connected else "disconnected; reconnecting"}


def _server(settings: ApiSettings, api: ApiState) -> Server:
    host, port = split_bind(settings.bind)
    origins = settings.follow_origins.split(",") if settings.follow_origins else ()
    return Server(
        correlate(open_to_origins(read_out_refused(create_app(api)), origins)),
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,  # browsers speak HTTP/2 to a proxy that ends TLS; looking for it costs every connection
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_MILLISECONDS),
        websockets=False,
        backlog=BACKLOG,
        backpressure=settings.connections,
        log_level=LogLevels.error,  # its one warning is that this way of embedding is new; errors go where all logs go
        log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}},
        log_access=False,
    )
