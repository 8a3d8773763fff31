"""What tracing costs a request that is not recorded: `python -m tests.unit.tracing.cost`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from litestar.types import ASGIApp

from headrace.api.edge.correlation import correlate
from headrace.api.edge.security_headers import SecurityHeaders
from headrace.api.edge.traces import publishing, trace_requests
from headrace.settings import ApiSettings
from headrace.tracing import active
from headrace.tracing.names import Published

ROUNDS = 1_000
REPEATS = 150  # in turn for each case; the best counts, because other work of the machine only ever adds
UNSAMPLED = b"00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00"
NEVER = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.0",
}


async def microseconds(app: ASGIApp, headers: list[tuple[bytes, bytes]]) -> float:
    """Seconds of one request, in millionths."""

    async def receive() -> Any: ...

    async def send(_: Any) -> None: ...

    began = time.perf_counter()
    for _ in range(ROUNDS):
        scope: Any = {"type": "http", "method": "POST", "path": "/api/v1/tasks", "headers": headers, "state": {}}
        await app(scope, receive, send)
    return (time.perf_counter() - began) / ROUNDS * 1e6


async def submitting(scope: Any, _receive: Any, _send: Any) -> None:
    with publishing(scope, Published("kind", "normal", "id", 10)):
        pass


async def reading(_scope: Any, _receive: Any, _send: Any) -> None:
    pass


async def measure() -> dict[tuple[str, str], tuple[float, float]]:
    """Return what a request costs while tracing is off, and how much more while it is on and nothing is recorded."""
    active.start_tracing("api", NEVER)
    tracer = active.tracer()
    found: dict[tuple[str, str, bool], float] = {}
    for _ in range(REPEATS):
        for app in (reading, submitting):
            for name, headers in (("no traceparent", []), ("unsampled", [(b"traceparent", UNSAMPLED)])):
                for is_on in (False, True):
                    active._Active.tracer = tracer if is_on else None
                    stack = correlate(trace_requests(app, active.tracer()), SecurityHeaders.of(ApiSettings()))
                    case = (app.__name__, name, is_on)
                    found[case] = min(await microseconds(stack, headers), found.get(case, 1e9))
    active._Active.tracer = tracer
    active.stop_tracing()
    return {case[:2]: (off, found[case[0], case[1], True] - off) for case, off in found.items() if not case[2]}


if __name__ == "__main__":
    for (app, name), (off, more) in asyncio.run(measure()).items():
        print(f"{app:10} {name:15} {off:6.2f} µs, {more:+.2f} µs with tracing")
