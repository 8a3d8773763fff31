"""What tracing costs a request that is not recorded: `python -m tests.unit.tracing.cost`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp

from headrace.api.edge.correlation import correlate
from headrace.api.edge.security_headers import SecurityHeaders
from headrace.api.edge.traces import publishing, trace_requests
from headrace.settings import ApiSettings
from headrace.tracing.active import start_tracing, stop_tracing, tracer
from headrace.tracing.names import Published

ROUNDS = 2_000
REPEATS = 60  # the best of them, because other work of the machine only ever adds
UNSAMPLED = b"00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-00"


async def microseconds(app: ASGIApp, headers: list[tuple[bytes, bytes]]) -> float:
    """Seconds of one request, in millionths."""

    async def receive() -> Any: ...

    async def send(_: Any) -> None: ...

    async def once() -> float:
        began = time.perf_counter()
        for _ in range(ROUNDS):
            scope: Any = {"type": "http", "method": "POST", "path": "/api/v1/tasks", "headers": headers, "state": {}}
            await app(scope, receive, send)
        return (time.perf_counter() - began) / ROUNDS * 1e6

    return min([await once() for _ in range(REPEATS)])


async def append(scope: Any, _receive: Any, _send: Any) -> None:
    with publishing(scope, Published("kind", "normal", "id", 10)):
        pass


def stack() -> ASGIApp:
    return correlate(trace_requests(append, tracer()), SecurityHeaders.of(ApiSettings()))


async def measure(tell: Callable[[str], None] = print) -> dict[str, float]:
    cases = {"without a traceparent": [], "with one that is not recorded": [(b"traceparent", UNSAMPLED)]}
    found: dict[str, float] = {}
    for ratio, name in (("", "off"), ("0.0", "on, nothing recorded")):
        if ratio:
            start_tracing(
                "api",
                {
                    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
                    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                    "OTEL_TRACES_SAMPLER_ARG": ratio,
                },
            )
        for case, headers in cases.items():
            found[f"{name}, {case}"] = cost = await microseconds(stack(), headers)
            tell(f"{cost:7.2f} µs  {name}, {case}")
        stop_tracing()
    return found


if __name__ == "__main__":
    asyncio.run(measure())
