"""Every route refuses query parameters that it does not take, in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Request
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient

from headrace.api.edge.query import check_query, parameters_of
from headrace.errors import MalformedRequest
from tests.unit.api.apps import SIGNED, make_app

APP = make_app()


def routes() -> Iterator[tuple[str, str]]:
    for route in APP.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/v1/"):
            for method in sorted(route.methods - {"OPTIONS", "HEAD"}):
                yield method, re.sub(r"\{[a-z_]+:int\}", "1", re.sub(r"\{[a-z_]+:str\}", "x", route.path))


STREAMS = [path for _, path in routes() if path.endswith("/events")]


async def refusal(method: str, path: str, query: str) -> tuple[str, list[str]]:
    async with AsyncTestClient(APP) as client:
        answer = await client.request(method, f"{path}?{query}", headers=SIGNED)
    problem = answer.json()
    assert answer.status_code == 400, problem
    assert problem["error_code"] == "malformed_request"
    return problem["message"], [each["path"] for each in problem["errors"]]


def test_the_routes_are_all_there() -> None:
    assert len(list(routes())) >= 28
    assert len(STREAMS) == 5


@pytest.mark.parametrize(("method", "path"), list(routes()))
async def test_a_route_refuses_a_parameter_that_it_does_not_take(method: str, path: str) -> None:
    message, paths = await refusal(method, path, "no_such=1")
    assert "there is no parameter 'no_such' here" in message
    assert paths == ["query no_such"]


@pytest.mark.parametrize(
    ("method", "path", "query", "words"),
    [
        ("GET", "/api/v1/tasks", "states=failed", "did you mean 'state'?"),
        ("GET", "/api/v1/tasks", "State=failed", "did you mean 'state'?"),
        ("GET", "/api/v1/tasks", "in_state=failed", "did you mean 'state'?"),
        ("GET", "/api/v1/tasks", "state=failed,succeeded", "one by one: state=failed&state=succeeded"),
        ("GET", "/api/v1/events", "state=failed", "there is no parameter 'state' here; there are"),
        ("GET", "/api/v1/tasks", "created_from=2026-01-31T09:00:00+01:00", "created_from: the + of this time"),
        ("GET", "/api/v1/tasks", "created_from=2026-01-31T09:00:00%2B01", "created_from: this is not a time"),
        ("GET", "/api/v1/tasks", "sort=oldest", "sort: 'oldest' is not possible here"),
        ("GET", "/api/v1/tasks", "label=A=1", "label: a name in it is not made of 1 to 63"),
        ("GET", "/api/v1/tasks", "lastEventId=1-1", "there is no parameter"),
        ("GET", "/api/v1/tasks", "_=1", "there is no parameter"),
        ("GET", "/api/v1/tasks", "a%00b=1", r"there is no parameter 'a\x00b' here"),
        ("GET", "/api/v1/tasks", "%ff=1", "there is no parameter"),
        ("GET", "/api/v1/tasks", "limit=5&limit=6", "limit is given 2 times; say it once"),
        ("GET", "/api/v1/tasks", "limit=5&limit=5", "limit is given 2 times"),
        ("GET", "/api/v1/tasks/x/events", "after=1-1&after=2-2", "after is given 2 times"),
        ("GET", "/api/v1/follow/tasks/x/events", "token=a&token=b", "token is given 2 times"),
        ("GET", "/api/v1/tasks", "state=null", "null is no value of state; leave state out"),
        ("GET", "/api/v1/tasks", "slower_than=NULL", "null is no value of slower_than"),
        ("POST", "/api/v1/batches", "max_attempts=null", "null is no value of max_attempts"),
        ("POST", "/api/v1/tasks", "follow_links=1", "did you mean 'follow_link'?"),
        ("POST", "/api/v1/batches", "follow_link=1&follow_link=2", "follow_link is given 2 times"),
        ("PUT", "/api/v1/tasks/x/cancellation", "dry_run=true", "this route takes none"),
    ],
)
async def test_a_slip_in_a_query_is_explained(method: str, path: str, query: str, words: str) -> None:
    assert words in (await refusal(method, path, query))[0]


def test_null_is_a_text_where_texts_are_taken() -> None:
    handlers = {
        path: handler
        for route in APP.routes
        if isinstance(route, HTTPRoute)
        for path, handler in [(route.path, route.route_handlers)]
    }
    (listing,) = (each for each in handlers["/api/v1/tasks"] if "GET" in each.http_methods)
    takes = parameters_of(listing, frozenset())
    assert {"state", "slower_than", "limit"} <= takes.not_texts
    assert not {"kind", "batch", "cursor", "at_least"} & takes.not_texts


def test_a_query_that_is_not_percent_encoded_is_refused_instead_of_misread() -> None:
    scope: Any = {"type": "http", "query_string": "q=münchen".encode(), "path_params": {}, "route_handler": None}
    with pytest.raises(MalformedRequest, match="not percent-encoded; write é as %C3%A9"):
        check_query(Request(scope))


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_takes_what_polyfills_add(path: str) -> None:
    message, _ = await refusal("GET", path, "_=1&r=2&t=3&lastEventId=1-1&Last-Event-ID=1-1&no_such=1")
    assert "'no_such'" in message
