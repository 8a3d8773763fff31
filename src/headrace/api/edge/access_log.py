"""The access log: one line about each request, made of nothing but what is listed here.

A line never has a body, a cookie, a token, a query or a path as it was asked for, since links have their tokens there: it has the
template of the route. A stream has its line when it ends.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter

from litestar.types import HTTPScope
from msgspec import UNSET, Struct, UnsetType

from headrace.api.edge.known_principal import known_principal
from headrace.api.edge.known_trace import known_trace
from headrace.telemetry import get_logger, json_lines

log = get_logger("headrace.access")

_SHOWN_TO_PEOPLE = ("method", "route", "status", "milliseconds", "principal", "credential")


class Line(Struct, frozen=True, kw_only=True):
    """A line for machines, in the order in which every line has its fields."""

    timestamp: datetime
    level: str = "info"
    process: str = "api"
    event: str = "request"
    method: str
    route: str | None
    status: int
    milliseconds: float
    principal: str | None
    credential: str | None
    request_id: str
    correlation_id: str
    trace_id: str | UnsetType = UNSET


class AccessLog:
    """Writes the lines. It is made once the logs of the process are set up."""

    def __init__(self) -> None:
        # A line costs some microseconds this way, a tenth of what all that other lines pass through would cost.
        self._write = json_lines()

    def record(self, scope: HTTPScope, status: int, began: float, request_id: str, correlation_id: str) -> None:
        """Write the line of a request that is over.

        Args:
            scope: The request.
            status: The status of its answer; 0 when it had none.
            began: When it came, by `time.perf_counter`.
            request_id: Its id.
            correlation_id: The id of what it belongs to.
        """
        principal, trace = known_principal(scope), known_trace(scope)
        line = Line(
            timestamp=datetime.now(UTC),
            method=scope["method"],
            route=route_of(scope),
            status=status,
            milliseconds=round((perf_counter() - began) * 1000, 1),
            principal=None if principal is None else principal.id,
            credential=None if principal is None else principal.credential,
            request_id=request_id,
            correlation_id=correlation_id,
            trace_id=UNSET if trace is None else trace.trace_id,
        )
        if self._write is not None:
            self._write(line)
        else:
            # What is left out stands in the line anyway.
            log.info(line.event, **{name: getattr(line, name) for name in _SHOWN_TO_PEOPLE})


def route_of(scope: HTTPScope) -> str | None:
    """Return the template of the route of a request, as ``/api/v1/tasks/{task}``; None when there is no such route."""
    return scope.get("path_template")
