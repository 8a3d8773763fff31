from __future__ import annotations

from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from headrace.api.edge.correlation import carried_headers
from tests.unit.api.edge.asgi import answer, answering, correlated, headers_of

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def carried(*headers: tuple[str, str]) -> dict[str, str]:
    """The headers that a task's events inherit from a request with these headers."""
    found: dict[str, str] = {}

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        found.update(carried_headers(scope))
        await answering(202)(scope, _receive, send)

    await answer(correlated(app), headers=headers)
    return found


async def test_the_correlation_id_of_a_request_is_repeated_and_carried() -> None:
    sent = await answer(correlated(answering(200)), headers=[("X-Correlation-Id", "click-1")])
    assert headers_of(sent)["x-correlation-id"] == "click-1"
    assert await carried(("X-Correlation-Id", "click-1")) == {"Headrace-Correlation-Id": "click-1"}


@pytest.mark.parametrize("given", ["", "two words", "line\nbreak", "ä", "x" * 129])
async def test_a_correlation_id_that_cannot_be_a_header_is_replaced(given: str) -> None:
    made = headers_of(await answer(correlated(answering(200)), headers=[("X-Correlation-Id", given)]))
    assert made["x-correlation-id"] != given
    assert len(made["x-correlation-id"]) == 32


async def test_a_request_id_serves_as_correlation_id_when_there_is_no_other() -> None:
    sent = await answer(correlated(answering(200)), headers=[("X-Request-Id", "r-1")])
    assert headers_of(sent)["x-correlation-id"] == "r-1"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (TRACE, TRACE),
        ("00-xyz", None),
        (TRACE.upper(), None),
        ("ff" + TRACE[2:], None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01", None),
    ],
)
async def test_only_a_well_formed_trace_context_is_carried(given: str, expected: str | None) -> None:
    headers: Any = await carried(("traceparent", given))
    assert headers.get("traceparent") == expected


async def test_two_trace_contexts_are_none() -> None:
    assert "traceparent" not in await carried(("traceparent", TRACE), ("traceparent", TRACE))
