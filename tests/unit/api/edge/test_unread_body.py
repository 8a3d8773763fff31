from __future__ import annotations

from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from headrace.api.edge import unread_body
from headrace.api.edge.unread_body import read_out_refused
from tests.unit.api.edge.asgi import answer, answering


async def test_a_refused_body_is_read_to_its_end_before_the_answer() -> None:
    order: list[str] = []

    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": []})

    parts = [b"a", b"b", b"c"]

    async def receive() -> Any:
        order.append("read")
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        order.append(message["type"])

    scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": []}
    await read_out_refused(refuse)(scope, receive, send)
    assert order == ["read", "read", "read", "http.response.start"]


async def test_an_accepted_body_is_left_to_the_application() -> None:
    parts = [b"a", b"b"]

    async def receive() -> Any:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(_message: Any) -> None:
        pass

    scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": []}
    await read_out_refused(answering(202))(scope, receive, send)
    assert parts == [b"a", b"b"]


async def test_no_more_is_read_of_a_refused_body_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread_body, "READ_OUT_BYTES_MAX", 2)
    sent = await answer(read_out_refused(answering(400)), "PUT", body=[b"a", b"b", b"c", b"d"])
    assert sent[0]["status"] == 400
