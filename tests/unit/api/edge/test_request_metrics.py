from __future__ import annotations

from typing import Annotated

import pytest
from litestar import Litestar, get, post
from litestar.params import PathParameter
from litestar.types import Receive, Scope, Send

from headrace.api.edge import problems
from headrace.api.edge.correlation import correlate
from headrace.api.edge.methods import answer_methods
from headrace.api.edge.request_metrics import RequestMetrics, count_requests
from headrace.api.edge.security_headers import SecurityHeaders
from headrace.errors import HeadraceError, LogFull, UnknownKind
from tests.unit.api.edge.asgi import answer

REFUSALS = {"full": LogFull, "unknown": UnknownKind}


@get("/tasks/{task:str}", sync_to_thread=False)
def one(task: Annotated[str, PathParameter()]) -> str:
    return task


@post("/api/v1/tasks", sync_to_thread=False)
def submit(scope: Scope) -> str:
    reason = scope["state"]["reason"]
    if reason in REFUSALS:
        raise REFUSALS[reason]("refused")
    return "accepted"


async def counted(*requests: tuple[str, str], reason: str = "") -> RequestMetrics:
    """What is counted of requests, each a method and a path."""
    app = Litestar(
        [one, submit],
        openapi_config=None,
        logging_config=None,
        exception_handlers={HeadraceError: problems.own_error},
    )
    metrics = RequestMetrics()
    stack = correlate(count_requests(answer_methods(app, app.routes), metrics), SecurityHeaders())

    async def with_litestars_scope(scope: Scope, receive: Receive, send: Send) -> None:
        scope |= {"query_string": b"", "root_path": "", "litestar_app": app}
        scope["state"]["reason"] = reason
        await stack(scope, receive, send)

    for method, path in requests:
        await answer(with_litestars_scope, method, path)
    return metrics


async def test_requests_are_told_apart_by_their_route_and_not_by_what_stands_in_their_path() -> None:
    metrics = await counted(("GET", "/tasks/1"), ("GET", "/tasks/2"), ("HEAD", "/tasks/1"), ("GET", "/made/up"))
    found = {labels: dict(series.buckets)["+Inf"] for labels, series in metrics.durations.items()}
    assert found == {("/tasks/{task}", "GET", "200"): 2, ("/tasks/{task}", "HEAD", "200"): 1, ("", "GET", "404"): 1}
    assert all(0 < series.total < 60 for _, series in metrics.durations.items())


async def test_methods_that_nobody_knows_share_one_name() -> None:
    metrics = await counted(("BREW", "/tasks/1"), ("WHEN", "/tasks/1"))
    assert {method for (_, method, _), _ in metrics.durations.items()} == {"_OTHER"}


@pytest.mark.parametrize(
    ("reason", "code"),
    [("full", "log_full"), ("unknown", "unknown_kind"), ("", None)],
    ids=["full", "unknown", "taken"],
)
async def test_a_refused_submission_is_counted_by_its_error_code(reason: str, code: str | None) -> None:
    metrics = await counted(("POST", "/api/v1/tasks"), ("GET", "/made/up"), reason=reason)
    assert dict(metrics.refused.items()) == ({(code,): 1} if code else {})
