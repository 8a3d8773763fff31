from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from headrace.api.auth import csrf
from headrace.api.edge.cors import SHOWN_HEADERS, TAKEN_HEADERS, Origins, allow_links, allow_origins
from headrace.api.edge.methods import answer_methods
from tests.unit.api.edge.asgi import answer, answering, headers_of

PAGE = "https://shop.example"
FOLLOW = "/api/v1/follow"
APP = allow_links(answering(200), FOLLOW, Origins(PAGE))


async def test_an_allowed_origin_may_read_a_route_below_the_path() -> None:
    sent = await answer(APP, path=f"{FOLLOW}/tasks/t1/events", headers=[("Origin", PAGE)])
    assert headers_of(sent) == {"vary": "Origin", "access-control-allow-origin": PAGE}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://Shop.Example", PAGE),
        (f"{PAGE}:443", PAGE),
        ("http://shop.example:80", "http://shop.example"),
        (f"{PAGE}:80", f"{PAGE}:80"),
    ],
)
async def test_an_origin_may_be_written_as_no_browser_sends_it(written: str, sent: str) -> None:
    app = allow_links(answering(200), FOLLOW, Origins(written))
    answered = await answer(app, path=f"{FOLLOW}/tasks/t1/events", headers=[("Origin", sent)])
    assert headers_of(answered)["access-control-allow-origin"] == sent


@pytest.mark.parametrize("origin", ["https://other.example", f"{PAGE}.evil.example", "null", ""])
async def test_another_origin_is_granted_nothing(origin: str) -> None:
    sent = await answer(APP, path=f"{FOLLOW}/tasks/t1/events", headers=[("Origin", origin)])
    assert headers_of(sent) == {"vary": "Origin"}


@pytest.mark.parametrize("path", ["/api/v1/tasks", FOLLOW, f"{FOLLOW}ing/tasks"])
async def test_a_route_outside_the_path_is_closed_to_pages_of_other_origins(path: str) -> None:
    assert headers_of(await answer(APP, path=path, headers=[("Origin", PAGE)])) == {}


async def test_every_origin_is_allowed_when_the_setting_says_so() -> None:
    app = allow_links(answering(200), FOLLOW, Origins("*"))
    sent = await answer(app, path=f"{FOLLOW}/tasks/t1/events", headers=[("Origin", "https://any.example")])
    assert headers_of(sent)["access-control-allow-origin"] == "https://any.example"


async def test_a_preflight_request_is_answered_without_the_application() -> None:
    app = allow_links(answering(500), FOLLOW, Origins(PAGE))
    sent = await answer(app, "OPTIONS", f"{FOLLOW}/tasks/t1/events", headers=[("Origin", PAGE)])
    assert sent[0]["status"] == 204
    assert headers_of(sent)["access-control-allow-headers"] == "Last-Event-ID"
    assert headers_of(sent)["access-control-allow-methods"] == "GET"


APP_OF_PAGES = allow_origins(answering(200), Origins("https://app.example,http://localhost:5173"), links_path=FOLLOW)
OURS = "https://app.example"


async def test_a_page_that_is_named_may_read_every_route_with_credentials() -> None:
    headers = headers_of(await answer(APP_OF_PAGES, path="/api/v1/tasks", headers=[("Origin", OURS)]))
    assert headers == {
        "vary": "Origin",
        "access-control-allow-origin": OURS,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": SHOWN_HEADERS,
    }


@pytest.mark.parametrize("origin", ["https://other.example", f"{OURS}.evil.example", "https://app.example:444", "null"])
async def test_a_page_that_is_not_named_is_granted_nothing(origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        sent = await answer(APP_OF_PAGES, method, "/api/v1/tasks", headers=[("Origin", origin)])
        assert headers_of(sent) == {"vary": "Origin"}


async def test_a_preflight_request_is_told_the_methods_of_its_path_and_the_headers_that_routes_take() -> None:
    routes: list[Any] = [SimpleNamespace(path="/api/v1/tasks", methods={"GET", "POST"})]
    app = allow_origins(answer_methods(answering(404), routes), Origins(OURS), links_path=FOLLOW)
    headers = headers_of(await answer(app, "OPTIONS", "/api/v1/tasks", headers=[("Origin", OURS)]))
    assert headers["access-control-allow-methods"] == "GET, POST"
    assert headers["access-control-allow-headers"] == TAKEN_HEADERS
    assert csrf.HEADER in TAKEN_HEADERS
    unknown = await answer(app, "OPTIONS", "/api/v1/nothing", headers=[("Origin", OURS)])
    assert "access-control-allow-methods" not in headers_of(unknown)


async def test_the_routes_of_links_have_one_answer_about_origins() -> None:
    app = allow_links(APP_OF_PAGES, FOLLOW, Origins(PAGE, OURS))
    for origin in (PAGE, OURS):
        sent = await answer(app, path=f"{FOLLOW}/tasks/t1/events", headers=[("Origin", origin)])
        assert sent[0]["headers"] == [(b"vary", b"Origin"), (b"access-control-allow-origin", origin.encode())]


async def test_without_origins_nothing_is_said_about_them() -> None:
    app = answering(200)
    assert allow_origins(app, Origins(""), links_path=FOLLOW) is app
