"""Reports of errors to Sentry, or to what speaks its protocol, where ``SENTRY_DSN`` says so.

A report is made of nothing but what is listed here: the name of the error and the places in the code, the task's id, kind and attempt, or
the route. The message of an error is left out, because it may repeat an input; the task and the log have it, under the ids in the report.
Nothing of Sentry is imported unless the variable is set.
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import structlog

from headrace.errors import HeadraceError
from headrace.telemetry import get_logger

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

DSN = "SENTRY_DSN"
FLUSH_SECONDS = 2.0  # at the end of a process; what cannot be sent by then is lost
FRAMES_MAX = 50  # of a report; the innermost say the most

_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+), in (\S+)\s*$', re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_KEPT = frozenset(
    [
        "event_id",
        "timestamp",
        "platform",
        "level",
        "exception",
        "tags",
        "contexts",
        "release",
        "environment",
        "fingerprint",
        "server_name",
        "sdk",
    ]
)

log = get_logger(__name__)


class ReportingError(HeadraceError):
    """Reports are asked for and cannot be made. The message names the variable and says what to do."""


class _State:
    """Whether this process reports errors."""

    is_on = False


def start(process: str, environ: Mapping[str, str] = os.environ, transport: Any = None) -> None:
    """Report errors from now on, if the environment says where to.

    Args:
        process: The process, for the tag of that name.
        environ: The environment.
        transport: What sends the reports; Sentry's own, in a thread, when None.

    Raises:
        ReportingError: Sentry's SDK is not installed, or the address is none.
    """
    if not environ.get(DSN):
        return
    try:
        import sentry_sdk
    except ModuleNotFoundError as error:
        raise ReportingError(
            f"{DSN} is set and {error.name} is not installed: install headrace[sentry], or unset the variable"
        ) from error
    try:
        sentry_sdk.init(dsn=environ[DSN], environment=_environment(environ), transport=transport, **_OPTIONS)
    except ValueError as error:
        # The error would show the address, which has a key.
        raise ReportingError(f"{DSN} is no address of a project: copy it from the project's settings") from error
    sentry_sdk.set_tag("process", process)
    _State.is_on = True
    log.info("reporting errors", to=DSN)


def _environment(environ: Mapping[str, str]) -> str:
    return environ.get("SENTRY_ENVIRONMENT") or environ.get("HEADRACE_ENV") or "local"


def stop() -> None:
    """Send what waits, for `FLUSH_SECONDS` at most, and report no more."""
    if _State.is_on:
        import sentry_sdk

        _State.is_on = False
        sentry_sdk.get_client().close(timeout=FLUSH_SECONDS)


def report_error(error: BaseException, **tags: str) -> None:
    """Report an error that nobody expected."""
    if _State.is_on:
        frames = [(each.filename, each.lineno or 0, each.name) for each in traceback.extract_tb(error.__traceback__)]
        _send(type(error).__name__, frames, tags)


def report_failure(name: str, trace: str | None, **tags: str) -> None:
    """Report that a task has failed.

    Args:
        name: The name of the exception that its handler raised, or the code of the failure.
        trace: The traceback as text. Only the places in the code are taken from it.
        tags: What Sentry shows beside it and finds it by.
    """
    if _State.is_on:
        found = [(file, int(line), function) for file, line, function in _FRAME.findall(trace or "")]
        _send(name if _NAME.fullmatch(name) else "Exception", found, tags)


def _send(name: str, frames: list[tuple[str, int, str]], tags: Mapping[str, str]) -> None:
    import sentry_sdk

    found = structlog.contextvars.get_contextvars()
    event: dict[str, Any] = {
        "level": "error",
        "platform": "python",
        "exception": {
            "values": [
                {
                    "type": name,
                    "stacktrace": {
                        "frames": [
                            {"filename": file, "abs_path": file, "lineno": line, "function": function}
                            for file, line, function in frames[-FRAMES_MAX:]
                        ]
                    },
                }
            ]
        },
        "tags": {
            **{key: str(found[key]) for key in ("correlation_id", "request_id") if key in found},
            **tags,
        },
    }
    if "trace_id" in found and "span_id" in found:
        event["contexts"] = {"trace": {"trace_id": found["trace_id"], "span_id": found["span_id"]}}
    sentry_sdk.capture_event(cast("Event", event))


def _strip(event: Event, _: Hint) -> Event:
    """Leave of an event what a report has: a handler may use Sentry, too, and gets what a report gets."""
    kept = {name: value for name, value in event.items() if name in _KEPT}
    for exception in cast("Any", kept.get("exception") or {}).get("values", ()):
        exception.pop("value", None)
        exception.pop("mechanism", None)
        for frame in cast("Any", exception.get("stacktrace") or {}).get("frames", ()):
            for name in ("vars", "context_line", "pre_context", "post_context"):
                frame.pop(name, None)
    return cast("Event", kept)


# No integration sees a request, a log line, a variable or an argument.
_OPTIONS: dict[str, Any] = {
    "release": f"headrace@{version('headrace')}",
    "default_integrations": False,
    "auto_enabling_integrations": False,
    "include_local_variables": False,
    "include_source_context": False,
    "max_request_body_size": "never",
    "max_breadcrumbs": 0,
    "before_send": _strip,
}
