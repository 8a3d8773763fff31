"""Write events in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from headrace.contracts.events import EventName
from headrace.durations import span
from headrace.printable import printable

LINE_CHARS_MAX = 200  # where an event has one line; `--json` and `--follow` show it whole

_BREAK = re.compile(r"\r\n|[\r\n\t]")

_COLORS = {
    EventName.QUEUED: "blue",
    EventName.DEFERRED: "magenta",
    EventName.STARTED: "cyan",
    EventName.STORED: "cyan",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "warning": "yellow",
    "error": "red",
}


def describe_event(event: str, data: Mapping[str, Any]) -> str:
    """Say what a reader wants to know of an event besides its name; may have several lines.

    Args:
        event: The event's name; one of a later version is shown as JSON.
        data: Its fields.
    """
    try:
        return _describe(event, data)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        # A worker of another make wrote the event without the fields that we expect.
        return as_json(data)


def _describe(event: str, data: Mapping[str, Any]) -> str:
    match event:
        case EventName.QUEUED:
            return _join(_unless_usual(data.get("priority"), "normal"), _attempt(data))
        case EventName.DEFERRED:
            return _join(f"until {local_time(datetime.fromisoformat(data['due_at']))}", _attempt(data), _error(data))
        case EventName.STARTED:
            return _join(f"by {data['worker']}", _attempt(data), _duration("waited", data.get("queued_seconds")))
        case EventName.PROGRESSED:
            return _join(f"{data['fraction']:.0%}", data.get("message"), separator="  ")
        case EventName.LOGGED:
            return _join(_unless_usual(data["level"], "info"), data["message"], separator=": ")
        case EventName.EMITTED:
            return _chunks(data["chunks"])
        case EventName.STORED:
            return _join(data["name"], f"{data['size']:,} bytes", data["media_type"])
        case EventName.FINISHED:
            return _finish(data)
        case EventName.DELETED:
            return f"it had {data['outcome']}"
        case _:
            return as_json(data)


def describe_durations(finished: Mapping[str, Any]) -> str | None:
    """Say how long the attempt that ended a task waited and ran; None when neither is known."""
    waited, ran = _duration("waited", finished.get("queued_seconds")), _duration("ran", finished.get("run_seconds"))
    return _join(waited, ran) or None


def event_color(event: str, data: Mapping[str, Any]) -> str | None:
    """Choose the colour of an event on a terminal."""
    return _COLORS.get(str(data.get("outcome") or data.get("level") or event))


def local_time(at: datetime) -> str:
    """Write a time in the time zone of this machine, with its date unless it is today."""
    here = at.astimezone()
    time = f"{here:%H:%M:%S}.{here.microsecond // 1000:03}"
    return time if here.date() == datetime.now(here.tzinfo).date() else f"{here:%Y-%m-%d} {time}"


def shortened(text: str) -> str:
    """Put a text on one line of at most `LINE_CHARS_MAX` characters, for a terminal."""
    text = printable(_BREAK.sub(" ", text))
    return text if len(text) <= LINE_CHARS_MAX else text[: LINE_CHARS_MAX - 1] + "…"


def as_json(value: Any) -> str:
    """Write a value as JSON on one line."""
    return msgspec.json.encode(value).decode()


def _join(*parts: str | None, separator: str = ", ") -> str:
    return separator.join(part for part in parts if part)


def _unless_usual(value: str | None, usual: str) -> str | None:
    return None if value == usual else value


def _attempt(data: Mapping[str, Any]) -> str | None:
    return f"attempt {data['attempt']}" if data["attempt"] > 1 else None


def _error(data: Mapping[str, Any]) -> str | None:
    error = data.get("error")
    return f"{error['code']}: {error['message']}" if error else None


def _finish(data: Mapping[str, Any]) -> str:
    ran = _duration("ran", data.get("run_seconds"))
    match data["outcome"]:
        case "succeeded":
            return _join(_join("succeeded", ran), as_json(data.get("result")), separator="  ")
        case "failed":
            failed = _join(f"failed ({data['error']['code']})", ran)
            return f"{failed}: {data['error']['message']}"
        case outcome:
            return _join(_join(outcome, f"by {data['by']}" if data.get("by") else None, separator=" "), ran)


def _duration(what: str, seconds: float | None) -> str | None:
    return None if seconds is None else f"{what} {span(seconds)}"


def _chunks(chunks: list[Any]) -> str:
    """Write streamed text as text, and any other chunk as JSON on a line of its own."""
    shown = "".join(chunk if isinstance(chunk, str) else f"\n{as_json(chunk)}\n" for chunk in chunks)
    return shown.strip("\n").replace("\n\n", "\n")
