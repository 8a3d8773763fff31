from __future__ import annotations

import pytest

from headrace.api.edge.cors import allow_origins
from tests.unit.api.edge.asgi import answer, answering, headers_of

PAGE = "https://shop.example"
FOLLOW = "/api/v1/follow"
APP = allow_origins(answering(200), FOLLOW, [PAGE])


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
    app = allow_origins(answering(200), FOLLOW, [written])
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
    app = allow_origins(answering(200), FOLLOW, ["*"])
    sent = await answer(app, path=f"{FOLLOW}/tasks/t1/events", headers=[("Origin", "https://any.example")])
    assert headers_of(sent)["access-control-allow-origin"] == "https://any.example"


async def test_a_preflight_request_is_answered_without_the_application() -> None:
    app = allow_origins(answering(500), FOLLOW, [PAGE])
    sent = await answer(app, "OPTIONS", f"{FOLLOW}/tasks/t1/events", headers=[("Origin", PAGE)])
    assert sent[0]["status"] == 204
    assert headers_of(sent)["access-control-allow-headers"] == "Last-Event-ID"
    assert headers_of(sent)["access-control-allow-methods"] == "GET"
