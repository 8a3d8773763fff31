"""What requests take and how they end, by the template of their route; and why submissions are refused."""

from __future__ import annotations

from time import perf_counter

from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from headrace.api.edge.access_log import route_of
from headrace.metrics.series import OTHER, REQUEST_SECONDS, CounterBy, HistogramBy

ERROR_CODE = "headrace_error_code"  # in the state of a request: the code of the problem with which it is answered
SUBMISSIONS = frozenset({"/api/v1/tasks", "/api/v1/batches"})

# Of another method there is no route; clients can make up as many as they like (OpenTelemetry, `http.request.method`).
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_OTHER_METHOD = "_OTHER"


class RequestMetrics:
    """Counts the requests of one process.

    Attributes:
        durations: Until the answer began, by route, method and status. The route is empty where there is none.
        refused: Submissions that were refused, by error code.
    """

    def __init__(self) -> None:
        self.durations = HistogramBy(REQUEST_SECONDS)
        self.refused = CounterBy()

    def record(self, scope: HTTPScope, status: int, seconds: float) -> None:
        """Count a request whose answer begins now, after so many seconds."""
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        self.durations.record((route_of(scope) or "", method, str(status)), seconds)
        if status >= 400 and method == "POST" and scope["path"] in SUBMISSIONS:
            self.refused.add((scope["state"].get(ERROR_CODE, OTHER),))


def count_requests(app: ASGIApp, metrics: RequestMetrics) -> ASGIApp:
    """Count every request that an application answers. A stream counts when it begins."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.record(scope, message["status"], perf_counter() - began)
            await send(message)

        await app(scope, receive, send_counted)

    return counted
