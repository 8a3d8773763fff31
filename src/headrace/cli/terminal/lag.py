"""`headrace lag`: show how far each reader of the log is behind."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from headrace.cli.terminal.log_reader import open_log_reader
from headrace.cli.terminal.output import note, show_json, show_table
from headrace.log import consumer_names
from headrace.log.consumers import all_consumers
from headrace.settings import Settings

_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)


class Lag(Struct, frozen=True, kw_only=True):
    """One durable consumer of the log.

    Attributes:
        consumer: Its name.
        waiting: Records that it has not delivered yet.
        in_flight: Records that it has delivered and that are not acknowledged.
        redelivered: Records of ``in_flight`` that it has delivered more than once.
        pulls: Requests of readers that wait for records.
        last_active: When it last delivered a record or received an acknowledgement; None for never.
        idle: Seconds since ``last_active``.
        paused: Whether it delivers nothing until its kind is resumed.
        hint: What is wrong, as far as these numbers tell.
    """

    consumer: str
    waiting: int
    in_flight: int
    redelivered: int
    pulls: int
    last_active: datetime | None
    idle: float | None
    paused: bool
    hint: str | None


async def show_lag(settings: Settings, *, home: str | None, json: bool) -> None:
    """Print every consumer of the log, by name; the log is that of the `up` with this home, when one is given.

    Raises:
        CommandFailed: The log cannot be reached, or there is none.
    """
    async with open_log_reader(settings, "lag", home) as log:
        lags = sorted(map(lag_of, await all_consumers(log)), key=lambda lag: lag.consumer)
    if json:
        show_json(lags)
    elif lags:
        headings = ("consumer", "#waiting", "#in flight", "#redelivered", "#pulls", "last activity", "hint")
        show_table(headings, map(_row, lags))
    else:
        note("nobody reads the log yet: start a worker and a projector")


def lag_of(info: dict[str, Any]) -> Lag:
    """Read the server's description of a consumer (`io.nats.jetstream.api.v1.consumer_info`)."""
    times = [info[part]["last_active"] for part in ("delivered", "ack_floor") if "last_active" in info[part]]
    last_active = max(map(datetime.fromisoformat, times), default=None)
    # The time of the answer is by the server's clock, as the other times are; this machine's clock may differ.
    answered_at = datetime.fromisoformat(info["ts"])
    return Lag(
        consumer=info["name"],
        waiting=info["num_pending"],
        in_flight=info["num_ack_pending"],
        redelivered=info["num_redelivered"],
        pulls=info["num_waiting"],
        last_active=last_active,
        idle=(answered_at - last_active).total_seconds() if last_active else None,
        paused=info.get("paused", False),
        hint=_hint(info),
    )


def _hint(info: dict[str, Any]) -> str | None:
    if info.get("paused"):
        return "paused"
    if info["num_ack_pending"] >= info["config"]["max_ack_pending"]:
        return "full" if consumer_names.is_limited(info["name"]) else "stalled"
    if info["num_pending"] == 0 or info["num_waiting"] > 0:
        return None
    # The readers that hold these records ask for more when one of their slots is free.
    if info["num_ack_pending"] > 0:
        return "busy"
    return "not running" if info["name"] in (consumer_names.PROJECTOR, consumer_names.FIRINGS) else "no workers"


def _row(lag: Lag) -> tuple[str, ...]:
    numbers = (f"{number:,}" for number in (lag.waiting, lag.in_flight, lag.redelivered, lag.pulls))
    return lag.consumer, *numbers, _ago(lag.idle), lag.hint or ""


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for unit, length in _UNITS:
        if seconds >= length.total_seconds():
            return f"{seconds // length.total_seconds():.0f} {unit} ago"
    return "now"
