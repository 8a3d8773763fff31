from __future__ import annotations

import warnings
from typing import Any

import pytest
from litestar.types import ASGIApp

from headrace.api.app import create_app
from headrace.api.edge.methods import answer_methods, is_head
from tests.unit.api.edge.asgi import answer, answering, headers_of


@pytest.fixture(scope="module")
def app() -> ASGIApp:
    with warnings.catch_warnings():
        # Litestar asks for other annotations of bodies, which its version 3 will want.
        warnings.simplefilter("ignore")
        return answer_methods(answering(404), create_app(None).routes)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/v1/tasks", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/tasks/t1", "DELETE, GET, HEAD, OPTIONS"),
        ("/api/v1/tasks/t1/runs", "OPTIONS, POST"),
        ("/api/v1/schedules/s1", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/api/v1/kinds/echo/pause", "DELETE, OPTIONS, PUT"),
        ("/api/v1/files/f1", "DELETE, GET, HEAD, OPTIONS"),
        ("/api/v1/files/content", "OPTIONS, POST"),
        ("/health/live", "GET, HEAD, OPTIONS"),
        ("/health/live/", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_names_every_method_of_the_path(app: ASGIApp, path: str, methods: str) -> None:
    sent = await answer(app, "OPTIONS", path)
    assert sent[0]["status"] == 204
    assert headers_of(sent)["allow"] == methods


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/tasks/t1/nothing", "/"])
async def test_options_of_nothing_is_not_found(app: ASGIApp, path: str) -> None:
    assert (await answer(app, "OPTIONS", path))[0]["status"] == 404


async def test_head_is_answered_as_get_without_the_body() -> None:
    methods: list[str] = []

    async def hello(scope: Any, receive: Any, send: Any) -> None:
        methods.append(scope["method"])
        assert is_head(scope)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello", "more_body": False})
        assert (await receive())["type"] == "http.disconnect"

    sent = await answer(answer_methods(hello, []), "HEAD")
    assert methods == ["GET"]
    assert headers_of(sent) == {"content-length": "5"}
    assert [each.get("body") for each in sent[1:]] == [b""]
