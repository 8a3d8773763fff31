"""An HTTPRoute: requests go to the Service of the rule that matches them best."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from tests.chart.pods.node import Node
from tests.chart.pods.service import join
from tests.chart.rendering import Manifest

HEAD_BYTES_MAX = 1 << 16
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# Of matches for one request, as the Gateway API says; where a regular expression stands is up to each implementation, and
# those that `api.httpRoute.regularExpressions` is for put it here.
_ORDER = ["PathPrefix", "RegularExpression", "Exact"]


class Request(NamedTuple):
    """The head of a request."""

    method: str
    path: str
    headers: dict[str, str]


class Gateway:
    """One route. It takes a request for each connection, and leaves everything in it as it is."""

    def __init__(self, route: Manifest, node: Node) -> None:
        self.url = ""
        self._rules: list[dict[str, Any]] = route["spec"]["rules"]
        self._node = node
        self._connections: set[asyncio.Task[None]] = set()

    def backend(self, request: Request) -> tuple[str, int] | None:
        """Return the name and the port of the Service that takes a request."""
        matching = [
            (rank, -number, rule["backendRefs"][0])
            for number, rule in enumerate(self._rules)
            for each in rule["matches"]
            if (rank := _rank(each, request)) is not None
        ]
        if not matching:
            return None
        _, _, backend = max(matching, key=lambda each: each[:2])
        return backend["name"], backend["port"]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Let requests in while the block runs."""
        address = self._node.network.take()
        server = await asyncio.start_server(self._accept, address, 8000)
        self.url = f"http://{address}:8000"
        try:
            yield
        finally:
            server.close()
            for each in self._connections:
                each.cancel()
            if self._connections:
                await asyncio.wait(self._connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._pass_on(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            self._connections.discard(task)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n"))[:HEAD_BYTES_MAX]
        backend = self.backend(_parsed(head))
        if backend is None:
            writer.write(NOT_FOUND)
            return
        far = await self._node.service(backend[0]).connect(backend[1])
        if far is None:
            writer.write(UNAVAILABLE)
            return
        # One request for each connection, so that each is matched by itself.
        far[1].write(re.sub(rb"(?im)^connection:.*\r\n", b"", head)[:-2] + b"Connection: close\r\n\r\n")
        await join((reader, writer), far)


def _rank(match: dict[str, Any], request: Request) -> tuple[int, int, bool, int] | None:
    """How well a request is matched, to be compared; None when it is not."""
    path = match.get("path", {"type": "PathPrefix", "value": "/"})
    headers = match.get("headers", [])
    is_matched = (
        _is_path(path["type"], path["value"], request.path)
        and match.get("method", request.method) == request.method
        and all(request.headers.get(each["name"].lower()) == each["value"] for each in headers)
    )
    if not is_matched:
        return None
    return _ORDER.index(path["type"]), len(path["value"]), "method" in match, len(headers)


def _is_path(kind: str, value: str, path: str) -> bool:
    match kind:
        case "Exact":
            return path == value
        case "PathPrefix":
            prefix = value.rstrip("/")
            return path == prefix or path.startswith(f"{prefix}/")
        case "RegularExpression":
            return re.fullmatch(value, path) is not None
        case _:
            raise ValueError(f"the Gateway API has no such path: {kind}")


def _parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    return Request(method, target.partition("?")[0], headers)
