"""The log and the streams beside it: whether each has its copies, and whether these have everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headrace.cli.terminal.check_nats import PROVISION
from headrace.cli.terminal.cluster.seen import Seen, State
from headrace.cli.terminal.doctor.report import CLOCK_SECONDS
from headrace.log import clock
from headrace.log.connection import Log
from headrace.log.copies import copies_in
from headrace.log.extent import read_extent
from headrace.log.streams import PROVISIONED, STREAMS


async def check_streams(log: Log) -> list[Seen]:
    """Ask for every stream of Headrace, and for the time of NATS.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    found: list[Seen] = []
    there = 0
    for name in STREAMS:
        info = await log.jetstream.call(f"STREAM.INFO.{name}")
        if "error" not in info:
            there += 1
            found += _of_copies(name, info, log.settings.replicas)
        elif name in PROVISIONED:
            # The others are made by the first who needs them.
            what = f"{name} is missing: {info['error']['description']}"
            found.append(Seen(about="streams", state="critical", what=what, remedy=PROVISION))
    if not found:
        wanted = log.settings.replicas
        copies = f"{wanted} copies of each, all up to date" if wanted > 1 else "one copy of each, as is wanted"
        found.append(Seen(about="streams", state="ok", what=f"{there} of {len(STREAMS)} are there; {copies}"))
    return [*found, await _of_clock(log)]


def _of_copies(name: str, info: dict[str, Any], wanted: int) -> Iterator[Seen]:
    copies = copies_in(info)
    if copies.wanted != wanted:
        what = f"{name} has {_number(copies.wanted)}, and HEADRACE_STREAM_REPLICAS wants {wanted}"
        yield Seen(about="streams", state="critical", what=what, remedy=f"{PROVISION} and this setting")
    if not copies.has_leader:
        remedy = "start the servers that are away"
        yield Seen(about="streams", state="critical", what=f"{name} has no leader, and takes nothing", remedy=remedy)
    elif copies.current < copies.wanted:
        state: State = "warning" if copies.current > copies.wanted // 2 else "critical"
        behind = f" ({', '.join(copies.behind)} behind or away)" if copies.behind else ""
        what = f"{copies.current} of {_number(copies.wanted)} of {name} are up to date{behind}"
        yield Seen(about="streams", state=state, what=what, remedy="start the servers that are away, and wait")


def _number(copies: int) -> str:
    return "1 copy" if copies == 1 else f"{copies} copies"


async def _of_clock(log: Log) -> Seen:
    asked = clock.system_now()
    said = (await read_extent(log, with_stores=False)).asked_at
    return clock_seen("NATS", (said - asked - (clock.system_now() - asked) / 2).total_seconds())


def clock_seen(name: str, ahead: float) -> Seen:
    """Judge how many seconds a clock is ahead of that of this machine."""
    if abs(ahead) < CLOCK_SECONDS:
        # Adding zero makes -0.0 a plain zero.
        return Seen(about="clock", state="ok", what=f"{name} is {round(ahead, 1) + 0.0:+.1f} s from this machine")
    direction = "ahead of" if ahead > 0 else "behind"
    remedy = "have both machines keep their time with NTP; what is due goes by NATS"
    what = f"the clock of {name} is {abs(ahead):.1f} s {direction} that of this machine"
    return Seen(about="clock", state="warning", what=what, remedy=remedy)
