"""What comes from other sites, in other forms, or through old proxies: refused with what to do, or answered, and never with 500."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.accounts import AUTHORIZATION
from tests.cluster import Cluster
from tests.flow.problems import check_problem

JSON = {"Content-Type": "application/json"}
GOOD: dict[str, Any] = {"kind": "echo", "input": {"text": "hello"}}
ALL = {"select": {}, "dry_run": True}


async def talk(cluster: Cluster, request: bytes) -> bytes:
    """Send bytes, and return what comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(cluster.url.rpartition(":")[2]))
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_a_page_of_another_site_can_neither_change_nor_read_anything(cluster: Cluster) -> None:
    cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await cluster.http.post("/api/v1/cancellations", json=ALL, headers=cross_site)
    check_problem(answer, 403, "cross_site")
    as_text = {"Content-Type": "text/plain"}
    answer = await cluster.http.post("/api/v1/cancellations", content=json.dumps(ALL), headers=as_text)
    check_problem(answer, 415, "unsupported_media_type")
    check_problem(await cluster.http.post("/api/v1/cancellations", content=b"{}"), 415, "unsupported_media_type")
    rebound = {"Host": "rebound.evil.example"}
    problem = check_problem(await cluster.http.get("/api/v1/tasks", headers=rebound), 421, "unknown_host")
    assert "HEADRACE_API_HOSTS" in problem["message"]


@pytest.mark.parametrize("path", ["tasks", "schedules", "cancellations", "runs", "batches", "batches/b1/runs"])
@pytest.mark.parametrize("body", [b'{"kind": "caf\xe9", "input": {}}', b'{"caf\xe9": 1}', b"\xff\xfe{}", b""])
async def test_bytes_that_are_no_utf_8_are_refused_on_every_route(cluster: Cluster, path: str, body: bytes) -> None:
    check_problem(await cluster.http.post(f"/api/v1/{path}", content=body, headers=JSON), 400, "malformed_request")


async def test_two_idempotency_keys_in_one_request_are_refused(cluster: Cluster) -> None:
    keys = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    check_problem(await cluster.http.post("/api/v1/tasks", json=GOOD, headers=keys), 400, "malformed_request")


async def test_two_lifetimes_of_one_follow_link_are_refused(cluster: Cluster) -> None:
    answer = await cluster.http.post("/api/v1/tasks?follow_link=5&follow_link=6", json=GOOD)
    check_problem(answer, 400, "malformed_request")


@pytest.mark.parametrize(
    "path", ["/health/live", "/api/v1/tasks", "/api/v1/events", "/api/docs", "/api/docs/openapi.json"]
)
async def test_head_is_answered_wherever_get_is_and_streams_end(cluster: Cluster, path: str) -> None:
    async with cluster.http.stream("GET", path) as got:
        pass
    head = await cluster.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


async def test_a_method_that_a_path_does_not_have_is_refused_with_those_that_it_has(cluster: Cluster) -> None:
    answer = await cluster.http.request("PURGE", "/api/v1/tasks")
    check_problem(answer, 405, "method_not_allowed")
    options = await cluster.http.options("/api/v1/tasks")
    assert answer.headers["Allow"] == options.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /health/live HTTP/1.0\r\n", b"200"),
        (b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", b"200"),
        (b"GET /health/live HTTP/1.1\r\nConnection: close\r\n", b"400"),
        (b"GET /health/live HTTP/1.1\r\nHost: x\r\nHost: x\r\nConnection: close\r\n", b"400"),
        (
            f"POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\n{AUTHORIZATION}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode(),
            b"400",
        ),
    ],
)
async def test_requests_as_old_proxies_and_broken_clients_send_them(
    cluster: Cluster, request_line: bytes, status: bytes
) -> None:
    assert (await talk(cluster, request_line + b"\r\n")).split(b" ")[1] == status


async def test_the_documentation_needs_no_other_host(cluster: Cluster) -> None:
    page = await cluster.http.get("/api/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    for asset in ("page.js", "page.css", "openapi.json"):
        assert (await cluster.http.get(f"/api/docs/{asset}")).status_code == 200
    assert "//" not in page.text.replace("<!doctype html>", "")
    check_problem(await cluster.http.get("/api/docs/nothing"), 404, "no_such_route")


async def test_every_route_documents_the_refusals_of_the_edge(cluster: Cluster) -> None:
    document = (await cluster.http.get("/api/docs/openapi.json")).json()
    for path in document["paths"].values():
        for method, operation in path.items():
            changes = {"403"} if method != "get" else set[str]()
            # A part of a file has the size that was declared for it, so that one which is larger is of the wrong size.
            too_large = "422" if operation["operationId"] == "put_file_part" else "413"
            bodies = {"408", too_large} if "requestBody" in operation else set[str]()
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                bodies.add("415")
            assert {"400", "421"} | changes | bodies <= operation["responses"].keys(), operation["operationId"]
