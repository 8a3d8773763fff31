"""What the access log has of a request, and what it has not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from litestar import Litestar, get
from litestar.params import PathParameter
from litestar.types import Receive, Scope, Send

from headrace.api.edge.access_log import AccessLog
from headrace.api.edge.correlation import correlate
from headrace.api.edge.methods import answer_methods
from headrace.api.edge.security_headers import SecurityHeaders
from headrace.contracts.identity import Role
from headrace.identity.principals import Principal, scopes_of
from headrace.telemetry import set_up_logs
from tests.logs import logs_as_found
from tests.unit.api.edge.asgi import answer

IDS = [("X-Correlation-Id", "click-1"), ("X-Request-Id", "r-1")]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    with logs_as_found():
        yield


@get("/enter/{token:str}", sync_to_thread=False)
def enter(token: Annotated[str, PathParameter()], scope: Scope) -> None:
    scope["state"]["headrace_principal"] = Principal(
        id="u1", role=Role.MEMBER, scopes=scopes_of(Role.MEMBER), credential="key:k1"
    )


async def lines(
    capsys: pytest.CaptureFixture[str], method: str, path: str, level: str = "info", **more: str
) -> list[dict[str, Any]]:
    """The lines of the access log after a request."""
    set_up_logs("api", level=level, format="json")
    app = Litestar([enter], openapi_config=None, logging_config=None)
    stack = correlate(answer_methods(app, app.routes), SecurityHeaders(), AccessLog())
    headers = [*IDS, ("Cookie", "session=canary"), ("Authorization", "Bearer canary"), *more.items()]

    async def with_litestars_scope(scope: Scope, receive: Receive, send: Send) -> None:
        scope |= {"query_string": b"token=canary", "raw_path": path.encode(), "root_path": "", "litestar_app": app}
        await stack(scope, receive, send)

    await answer(with_litestars_scope, method, path, headers)
    said = capsys.readouterr().err
    assert "canary" not in said
    return [line for line in map(json.loads, said.splitlines()) if line["event"] == "request"]


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200)])
async def test_a_line_names_the_route_and_who_asked_and_nothing_that_was_sent(
    capsys: pytest.CaptureFixture[str], method: str, status: int
) -> None:
    (line,) = await lines(capsys, method, "/enter/canary")
    assert line.pop("timestamp").endswith("Z")
    assert 0 <= line.pop("milliseconds") < 60_000
    assert line == {
        "level": "info",
        "process": "api",
        "event": "request",
        "method": method,
        "route": "/enter/{token}",
        "status": status,
        "principal": "u1",
        "credential": "key:k1",
        "request_id": "r-1",
        "correlation_id": "click-1",
    }


async def test_an_address_without_a_route_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = await lines(capsys, "GET", "/entre/canary")
    assert (line["route"], line["status"], line["principal"]) == (None, 404, None)


async def test_a_request_that_ends_with_an_error_of_the_server_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError

    set_up_logs("api", format="json")
    with pytest.raises(RuntimeError):
        await answer(correlate(broken, SecurityHeaders(), AccessLog()), headers=IDS)
    line = json.loads(capsys.readouterr().err)
    assert (line["status"], line["correlation_id"]) == (0, "click-1")


async def test_lines_for_people_have_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("api", format="pretty")
    app = Litestar([enter], openapi_config=None, logging_config=None)
    await answer(correlate(app, SecurityHeaders(), AccessLog()), path="/nothing", headers=IDS)
    said = capsys.readouterr().err
    assert "request" in said
    assert "click-1" in said


async def test_where_less_is_logged_nothing_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert await lines(capsys, "GET", "/enter/canary", level="warning") == []


async def test_a_line_has_the_trace_of_a_request_that_brings_one(capsys: pytest.CaptureFixture[str]) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    (line,) = await lines(capsys, "GET", "/enter/x", traceparent=trace)
    assert line["trace_id"] == trace[3:35]
    (line,) = await lines(capsys, "GET", "/enter/x")
    assert "trace_id" not in line
