"""Which routes may be answered directly: none that needs what Litestar does around a handler."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar, Request, Response, post
from litestar.exceptions import ImproperlyConfiguredException
from litestar.params import FromPath

from headrace.api.edge.direct import DIRECT, answer_directly
from headrace.api.edge.json_body import JsonRequest


async def enter(request: Any) -> None:
    """Let everybody in."""


def refuse(request: Any, error: Exception) -> Response[None]:
    return Response(None, status_code=500)


def make_app(handler: Any, **options: Any) -> Litestar:
    usual: dict[str, Any] = {
        "request_class": JsonRequest,
        "before_request": enter,
        "exception_handlers": {Exception: refuse},
    }
    return Litestar([handler], **(usual | options), openapi_config=None, logging_config=None)


@post("/fit", opt=DIRECT)
async def fit(request: Request[Any, Any, Any]) -> Response[None]:
    return Response(None)


@post("/with/{parameter:str}", opt=DIRECT)
async def with_a_parameter(parameter: FromPath[str]) -> Response[None]:
    return Response(None)


@post("/not-a-response", opt=DIRECT)
async def no_response(request: Request[Any, Any, Any]) -> None: ...


def test_a_route_that_needs_nothing_of_it_is_answered_directly() -> None:
    assert answer_directly(make_app(fit)) is not None


@pytest.mark.parametrize(
    ("handler", "options", "why"),
    [
        (with_a_parameter, {}, "a path with parameters, other arguments"),
        (no_response, {}, "an answer that is no Response"),
        (fit, {"before_request": None}, "no before_request"),
        (fit, {"request_class": Request}, "another request class"),
        (fit, {"exception_handlers": {}}, "no handler of Exception"),
    ],
)
def test_a_route_that_needs_more_cannot_be_direct(handler: Any, options: dict[str, Any], why: str) -> None:
    app = make_app(handler, **options)
    with pytest.raises(ImproperlyConfiguredException, match=why):
        answer_directly(app)
