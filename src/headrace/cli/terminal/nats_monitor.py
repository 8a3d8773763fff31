"""The monitoring port of a server of NATS: it says what no client is told, such as how the server flushes."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct

from headrace.cli.terminal.check_nats import CONNECT_SECONDS
from headrace.embedded.home import RunInfo
from headrace.embedded.network import authority
from headrace.log.greeting import resolve_addresses
from headrace.settings import Settings

HTTP_PORT = 80  # of a URL that names none
MONITOR_REMEDY = "correct HEADRACE_NATS_MONITOR: the monitoring port of each server, as http://nats-0:8222"


class NatsServer(Struct, frozen=True, kw_only=True):
    """A server of NATS, as its monitoring port describes it; sizes in bytes, limits of JetStream."""

    url: str
    name: str
    version: str
    uptime: str
    disk_used: int
    disk_max: int
    memory_used: int
    memory_max: int
    flushes_always: bool


class MonitorSilent(Exception):
    """Something does not answer as a monitoring port. The message says what, and how."""


def find_monitors(settings: Settings, running: RunInfo | None) -> list[str]:
    """Return the monitoring ports that HEADRACE_NATS_MONITOR names, else that of a running `up` whose NATS the settings name."""
    named = [url.strip().rstrip("/") for url in (settings.nats.monitor or "").split(",") if url.strip()]
    embedded = running.nats_monitor_url if running is not None and running.nats_url == settings.nats.url else None
    return named or ([embedded] if embedded else [])


async def every_address(url: str) -> list[str]:
    """Return a URL for each address of the host of a monitoring port: of Kubernetes' headless Service, that of each server.

    One that has no address, or that a certificate has to name, stays as it is.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        return [url]
    port = parts.port or HTTP_PORT
    try:
        addresses = await resolve_addresses(parts.hostname, port)
    except OSError:
        return [url]
    return [f"http://{authority(each, port)}{parts.path}" for each in addresses]


async def read_monitor(url: str) -> NatsServer:
    """Ask a monitoring port.

    Raises:
        MonitorSilent: It does not answer as one within `CONNECT_SECONDS`.
    """
    try:
        async with (
            asyncio.timeout(CONNECT_SECONDS),
            httpx.AsyncClient(timeout=CONNECT_SECONDS, trust_env=False) as http,
        ):
            answer = (await http.get(f"{url}/varz")).raise_for_status()
        return _server(url, msgspec.json.decode(answer.content))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise MonitorSilent(f"{url} does not answer as a monitoring port ({type(error).__name__})") from error


def _server(url: str, varz: dict[str, Any]) -> NatsServer:
    jetstream: dict[str, Any] = varz.get("jetstream") or {}
    config: dict[str, Any] = jetstream.get("config") or {}
    stats: dict[str, Any] = jetstream.get("stats") or {}
    return NatsServer(
        url=url,
        name=varz["server_name"],
        version=varz["version"],
        uptime=varz["uptime"],
        disk_used=stats.get("storage", 0),
        disk_max=config.get("max_storage", 0),
        memory_used=stats.get("memory", 0),
        memory_max=config.get("max_memory", 0),
        flushes_always=config.get("sync_always", False),
    )
