"""The servers of NATS: their versions, how they flush, and the memory that JetStream may use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headrace.cli.terminal.check_nats import CONNECT_SECONDS
from headrace.cli.terminal.cluster.seen import Seen
from headrace.cli.terminal.nats_monitor import MONITOR_REMEDY, MonitorSilent, NatsServer, every_address, read_monitor
from headrace.log.greeting import Greeting, is_new_enough, read_greeting, resolve_servers
from headrace.log.streams import SERVER_VERSION_MIN
from headrace.settings import Settings

_NAME_THEM = "name the monitoring port of each server in HEADRACE_NATS_MONITOR, as http://nats-headless:8222"


class Asked(NamedTuple):
    """What the servers have answered, to clients and at their monitoring ports, and what has not answered."""

    greetings: list[Greeting]
    monitored: list[NatsServer]
    silent: list[Seen]


async def check_servers(settings: Settings, monitors: Sequence[str]) -> list[Seen]:
    """Ask every server that can be reached: those at the addresses of HEADRACE_NATS_URL, and the monitoring ports."""
    asked = await _ask(settings, monitors)
    versions = {each.server_name: each.version for each in asked.greetings}
    versions |= {each.name: each.version for each in asked.monitored}
    found = [*asked.silent, *_of_versions(versions)]
    if not monitors:
        stated = "; HEADRACE_NATS_SYNC says always" if settings.nats.sync == "always" else ""
        what = f"how the servers flush, and how much memory JetStream may use, cannot be seen{stated}"
        return [*found, Seen(about="flushing", state="unseen", what=what, remedy=_NAME_THEM)]
    if unseen := sorted(versions.keys() - {each.name for each in asked.monitored}):
        what = f"how {', '.join(unseen)} flushes cannot be seen"
        found.append(Seen(about="flushing", state="unseen", what=what, remedy=_NAME_THEM))
    return [*found, *_of_flushing(settings, asked.monitored), *_of_memory(asked.monitored)]


async def _ask(settings: Settings, monitors: Sequence[str]) -> Asked:
    asked = Asked([], [], [])
    try:
        addresses = await resolve_servers(settings.nats.url)
    except OSError as error:
        remedy = "correct HEADRACE_NATS_URL"
        asked.silent.append(Seen(about="servers", state="critical", what=f"no address: {error}", remedy=remedy))
        addresses = []
    ports = [each for urls in await asyncio.gather(*map(every_address, monitors)) for each in urls]
    await asyncio.gather(
        *(_greet(asked, host, port) for host, port in addresses), *(_monitor(asked, url) for url in ports)
    )
    return asked


async def _greet(asked: Asked, host: str, port: int) -> None:
    try:
        asked.greetings.append(await read_greeting(host, port, CONNECT_SECONDS))
    except (OSError, ValueError) as error:
        what = f"{host}:{port} does not answer ({error or type(error).__name__})"
        remedy = "start it, or take it out of HEADRACE_NATS_URL"
        asked.silent.append(Seen(about="servers", state="warning", what=what, remedy=remedy))


async def _monitor(asked: Asked, url: str) -> None:
    try:
        asked.monitored.append(await read_monitor(url))
    except MonitorSilent as error:
        asked.silent.append(Seen(about="servers", state="warning", what=str(error), remedy=MONITOR_REMEDY))


def _of_versions(versions: dict[str, str]) -> Iterator[Seen]:
    needed = ".".join(map(str, SERVER_VERSION_MIN))
    if old := [f"{name} is {version}" for name, version in sorted(versions.items()) if not is_new_enough(version)]:
        what = f"NATS {needed} or newer is needed, and {', '.join(old)}"
        yield Seen(about="servers", state="critical", what=what, remedy="upgrade them, one after the other")
    elif versions:
        listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        yield Seen(about="servers", state="ok", what=f"{len(versions)} of NATS answered: {listed}")


def _of_flushing(settings: Settings, monitored: Sequence[NatsServer]) -> Iterator[Seen]:
    lazy = sorted({each.name for each in monitored if not each.flushes_always})
    if lazy and (settings.env == "production" or settings.nats.sync == "always"):
        what = f"{', '.join(lazy)} acknowledges before it writes to its disk, so that accepted work may be lost with the power"
        remedy = "set `sync_interval: always` in the jetstream block (in the NATS chart, config.jetstream.merge)"
        yield Seen(about="flushing", state="critical", what=what, remedy=remedy)
    elif lazy:
        yield Seen(about="flushing", state="ok", what=f"now and then, which {settings.env} does not mind")
    elif monitored:
        yield Seen(about="flushing", state="ok", what="every message, before it is acknowledged")


def _of_memory(monitored: Sequence[NatsServer]) -> Iterator[Seen]:
    if without := sorted({each.name for each in monitored if each.memory_max == 0}):
        what = f"JetStream of {', '.join(without)} keeps nothing in memory, and Headrace keeps small streams there"
        remedy = "set max_memory_store: 256Mi in the jetstream block (in the NATS chart, config.jetstream.memoryStore)"
        yield Seen(about="memory", state="critical", what=what, remedy=remedy)
    elif monitored:
        yield Seen(about="memory", state="ok", what="every server lets JetStream keep streams in memory")
