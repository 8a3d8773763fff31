"""The API process: opens its parts, serves, and drains when it is told to stop."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import NoReturn

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from headrace.api.app import create_stack
from headrace.api.auth.identity_sweep import sweep_regularly
from headrace.api.auth.missed_revocations import tell_missed
from headrace.api.files.nightly import sweep_nightly
from headrace.api.health import check_readiness
from headrace.api.identity_database import IdentityDatabase
from headrace.api.listening import BACKLOG, BIND, ListeningServer, listen, warn_when_full
from headrace.api.mounts import mounts_of
from headrace.api.read_model import ReadModel
from headrace.api.settings_watch import keep_told
from headrace.api.state import ApiState, read_secrets
from headrace.api.streaming.metrics import StreamCollector
from headrace.lifecycle.verify_log import verify_log
from headrace.listening import bind
from headrace.log.backlog import Backlog
from headrace.log.connection import Log
from headrace.log.metrics import LogCollector
from headrace.log.opening import open_log
from headrace.observed import send_what_waits
from headrace.operations.answers import Operations
from headrace.operations.port import serve_operations
from headrace.settings import ApiSettings, Settings, split_bind
from headrace.stop import Stop, until_done_or_stopped
from headrace.store.engine import sqlalchemy_config
from headrace.telemetry import get_logger

IDLE_MILLISECONDS = 90_000  # proxies keep idle connections for 60 or 75 s, and have to be the ones who close them
# Of a connection: for what arrives, and for answers that are not taken. With 128 KB uploads are slower by a fifth.
BUFFER_BYTES_MAX = 256 << 10
FILES_BESIDES = 256  # open files that are not connections of clients

log = get_logger(__name__)


async def serve(settings: Settings, stop: Stop) -> None:
    """Run the API until ``stop`` is set; then go on for the drain delay, end its streams and its requests, and return.

    Raises:
        SecretsMissing: There is no secret with which credentials could be verified.
        LogUnavailable: NATS cannot be reached at start.
        ProvisionError: The log cannot be made what the settings say.
        OSError: The process cannot listen on an address.
    """
    read_secrets(settings.api)
    database = sqlalchemy_config(settings.database)
    open_session = database.create_session_maker()
    read_model, identity, operations = ReadModel(open_session), IdentityDatabase(open_session), Operations(stop)
    _allow_connections(settings.api.connections)
    # A taken address is noticed first, and clients are let in last.
    listener = bind(*split_bind(settings.api.bind), BIND, is_shared=settings.api.share_bind)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        await stack.enter_async_context(serve_operations(settings.api.ops, operations, variable="HEADRACE_API_OPS"))
        stack.push_async_callback(database.get_engine().dispose)
        stack.push_async_callback(read_model.close)
        api = await _open_unless_stopped(settings, read_model, identity, operations, stack, stop)
        if api is None:
            return
        listen(listener)
        watching = asyncio.create_task(warn_when_full(listener.dup(), settings.api.connections))
        background = _start_watching(api)
        server = _create_server(settings.api, api, listener)
        serving = asyncio.create_task(server.serve(), name="server")
        log.info("listening", address=settings.api.bind)
        await until_done_or_stopped(serving, stop)
        await _keep_serving(serving, stop, settings.api.drain)
        watching.cancel()
        await _drain(api, server, serving, settings.api.grace)
        for task in background:
            task.cancel()
    if not serving.done():
        _leave_connections_open(len(api.streams))
    log.info("stopped")


def _leave_connections_open(streams: int) -> NoReturn:
    """End this process beside clients that do not read, and so keep their connections open. They resume at another process."""
    log.warning("ended with open connections", streams=streams)
    send_what_waits()
    os._exit(0)


def _start_watching(api: ApiState) -> list[asyncio.Task[None]]:
    """Start what goes on for as long as the process serves."""
    watching = (
        *(api.capacity.measure(), api.hub.watch(), api.streams.watch(), api.bodies.watch()),
        *(api.shared_places.tell_regularly(), api.processes.tell_regularly()),
        *(api.last_used.write_regularly(), sweep_regularly(api.identity), keep_told(api.identity, api.current)),
        *(tell_missed(api.identity, api.revocations, api.log), sweep_nightly(api.files, api.log)),
    )
    return [asyncio.create_task(each) for each in watching]


def _allow_connections(count: int) -> None:
    """Raise this process's limit of open files, which is often a thousand, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + FILES_BESIDES
    if hard != resource.RLIM_INFINITY and wanted > hard:
        log.warning("fewer connections than set are possible; raise the limit of open files", wanted=wanted, limit=hard)
        wanted = hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _open_unless_stopped(
    settings: Settings,
    read_model: ReadModel,
    identity: IdentityDatabase,
    operations: Operations,
    stack: AsyncExitStack,
    stop: Stop,
) -> ApiState | None:
    """Open the parts of the process. Returns None when it is told to stop before, as while NATS is away."""
    opening = asyncio.create_task(_open(settings, read_model, identity, operations, stack), name="open")
    await until_done_or_stopped(opening, stop)
    if opening.done():
        return await opening
    opening.cancel()
    await asyncio.wait({opening})
    log.info("stopped before it was open")
    return None


async def _open(
    settings: Settings,
    read_model: ReadModel,
    identity: IdentityDatabase,
    operations: Operations,
    stack: AsyncExitStack,
) -> ApiState:
    """Open the log, verify it against the read model, and open what depends on it."""

    async def compare(opened: Log) -> None:
        await verify_log(opened, read_model.checkpoint_for_verification)

    opened = await stack.enter_async_context(open_log(settings, "api", compare, operations.note_wait))
    api = ApiState(opened, settings, read_model, identity, operations)
    stack.push_async_callback(api.close)
    await api.open()
    operations.count_backlog = Backlog(opened).count
    operations.ready = partial(check_readiness, api, mounts_of(settings.api))
    streams = StreamCollector(api.metrics.streams, lambda: len(api.streams), lambda: api.hub.feeds)
    operations.metrics.add(api.metrics, streams, LogCollector(opened))
    return api


def _create_server(settings: ApiSettings, api: ApiState, listener: socket.socket) -> ListeningServer:
    return ListeningServer(
        create_stack(api, settings),
        listener,
        interface=Interfaces.ASGI,
        # Browsers speak HTTP/2 to a proxy that ends TLS; detecting it here would cost every connection.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_MILLISECONDS, max_buffer_size=BUFFER_BYTES_MAX),
        websockets=False,
        backlog=BACKLOG,
        backpressure=settings.connections,
        # Granian's only warning is that this way of embedding is new. Its errors go where all logs go.
        log_level=LogLevels.error,
        log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}},
        log_access=False,
    )


async def _keep_serving(serving: asyncio.Task[None], stop: Stop, seconds: float) -> None:
    """Serve for the drain delay, or until somebody says again to stop: others learn meanwhile that this process is not ready."""
    if seconds and not serving.done():
        log.info("told to stop; serving until load balancers have noticed", seconds=seconds)
        told_again = asyncio.create_task(stop.again.wait(), name="told again to stop")
        await asyncio.wait({serving, told_again}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        told_again.cancel()


async def _drain(api: ApiState, server: ListeningServer, serving: asyncio.Task[None], grace: float) -> None:
    """End the streams, then give the open requests ``grace`` seconds to end.

    The streams are told first, so that the server's grace period is not spent waiting for browsers.
    """
    log.info("draining", streams=len(api.streams))
    api.streams.drain()
    api.hub.drain()
    api.bodies.drain()
    server.stop()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(serving), grace)
