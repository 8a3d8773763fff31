"""Canaries: marked secrets in everything that a request has, over every route; then nothing that is kept or shown has one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import httpx
import pytest

from headrace.embedded.network import free_ports
from headrace.log import bucket_names
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.identity.session_steps import CSRF, PASSWORD, make_account, make_link, sign_in

# A password, a token, a cookie or a header that carries one: not even whoever has sent it is shown it.
SECRET = "canary-of-a-secret"
# What belongs to a request and may be in the answer to it, but in nothing that is kept about it.
SENT = "canary-of-an-input"
STREAM_SECONDS = 0.2  # of a stream that has nothing to send

HEADERS = {
    "Cookie": f"__Host-headrace={SECRET}; headrace={SECRET}; headrace-refresh={SECRET}; other={SECRET}",
    "Proxy-Authorization": f"Basic {SECRET}",
    "X-Api-Key": SECRET,
    "User-Agent": f"agent/{SENT}",
    "Referer": f"https://example.com/{SENT}",
    "Idempotency-Key": SENT,
    "If-Match": f'"{SENT}"',
    "Last-Event-ID": SENT,
    "X-Correlation-Id": f"not an id {SENT}",
}
BODIES: tuple[Any, ...] = (
    b'{"password": "%s", "token": "%s"' % (SECRET.encode(), SECRET.encode()),
    dict.fromkeys(("password", "old", "new", "token", "refresh_token", "email", "display_name"), SECRET),
    {
        SENT: SECRET,
        "kind": SENT,
        "input": {SENT: SENT},
        "name": SENT,
        "select": {"kind": [SENT]},
        "banner": f"{SENT}\n",
    },
    {"kind": "echo", "input": {"text": 1, SENT: SENT}},
    [SECRET],
)


@pytest.fixture
async def watched(make_cluster: MakeCluster) -> tuple[Cluster, str]:
    """A cluster that says as much as it ever does, and the address of its metrics."""
    metrics = f"127.0.0.1:{free_ports(1)[0]}"
    cluster = await make_cluster(
        HEADRACE_LOG_LEVEL="debug",
        HEADRACE_API_ACCESS_LOG="true",
        HEADRACE_API_OPS=metrics,
        HEADRACE_API_FOLLOW_SECRETS=f"{SECRET}-{'s' * 32}",
        HEADRACE_LIMITS_FACTOR="100000",
        HEADRACE_CONSUMERS="tests.kinds.plain",
    )
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    return cluster, f"http://{metrics}/metrics"


async def ask(http: httpx.AsyncClient, method: str, path: str, **given: Any) -> httpx.Response:
    """Send one request; of a stream, read what comes at once."""
    async with http.stream(method, path, **given) as answer:
        with suppress(TimeoutError):
            async with asyncio.timeout(STREAM_SECONDS if "event-stream" in answer.headers["Content-Type"] else 10):
                await answer.aread()
        if not answer.is_stream_consumed or not hasattr(answer, "_content"):
            answer._content = b""
    return answer


def requests_to(path: str, method: str, operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests that have a canary in every place of a route."""
    filled = path
    for parameter in operation.get("parameters", ()):
        filled = filled.replace(f"{{{parameter['name']}}}", SECRET if parameter["name"] == "token" else SENT)
    names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    known = "&".join(f"{name}={SECRET if name == 'token' else SENT}" for name in names)
    for query in (f"{known}&token={SECRET}", known, f"access_token={SECRET}&{SENT}={SECRET}", ""):
        if method == "GET" or query:
            yield f"{filled}?{query}", {}
    if method != "GET":
        for body in BODIES:
            sent = {"content": body} if isinstance(body, bytes) else {"json": body}
            yield filled, {**sent, "headers": {"Content-Type": "application/json"}}
        form = {"username": SECRET, "password": SECRET, "grant_type": "password"}
        yield filled, {"data": form}


async def ask_everything(cluster: Cluster) -> None:
    """Ask every route with canaries everywhere, as nobody, with a forged token, as a member and as an administrator."""
    document = (await cluster.http.get("/api/docs/openapi.json")).json()
    member = await cluster.make_user()
    credentials = (SECRET, member.key, cluster.http.headers["Authorization"].removeprefix("Bearer "))
    http = cluster.http_as(None)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for key, (target, given) in product(credentials, [*requests_to(path, method.upper(), operation)]):
                headers = {**HEADERS, **given.get("headers", {}), "Authorization": f"Bearer {key}"}
                answer = await ask(http, method.upper(), target, **{**given, "headers": headers})
                assert answer.status_code < 500 or answer.status_code in (501, 503), (method, target, answer.text)
                # Of the address, the answer may repeat what somebody has put there.
                assert SECRET not in answer.text.replace(target, ""), (method, target, answer.text)
    for path in (f"/{SECRET}", f"/enterr/{SECRET}", f"/api/v1/{SENT}?token={SECRET}"):
        for method in ("GET", "HEAD", "OPTIONS", "PUT"):
            await cluster.http.request(method, path, headers=HEADERS)


async def use_secrets(cluster: Cluster) -> list[str]:
    """Do what has secrets and succeeds; all that nobody but its owner may see."""
    user, email = await make_account(cluster)
    client = cluster.http_as(None)
    tokens = (await sign_in(client, email))["tokens"]
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    made = (await client.post("/api/v1/api-keys", json={"name": "canary"})).json()
    new = {"email": "canary@example.com", "display_name": "Canary", "password": f"{PASSWORD} {SECRET}"}
    assert (await client.post("/api/v1/users", json=new)).status_code == 202
    wrong = {"email": email, "password": SECRET}
    assert (await client.post("/api/v1/session", json=wrong)).status_code == 401
    link = await make_link(cluster, user, f"{SECRET}-link")
    await client.get(link)
    task = (await client.post("/api/v1/tasks?follow_link=60", json={"kind": "echo", "input": {"text": SENT}})).json()
    follow = task["follow_link"]["url"]
    await ask(client, "GET", follow)
    refreshed = (await client.put("/api/v1/session", json={"refresh_token": tokens["refresh_token"]})).json()["tokens"]
    await client.delete("/api/v1/session", headers=CSRF)
    key = cluster.http.headers["Authorization"].removeprefix("Bearer ")
    shown = [tokens["access_token"], tokens["refresh_token"], refreshed["access_token"], refreshed["refresh_token"]]
    return [*shown, made["key"], key, follow.partition("token=")[2], PASSWORD]


async def kept_in_nats(cluster: Cluster) -> list[str]:
    """Everything that the log and the buckets have, with its headers."""
    found: list[str] = []
    for stream, subject in (
        ("HEADRACE", "hr.>"),
        (bucket_names.SETTINGS_STREAM, bucket_names.SETTINGS_ENTRIES),
        (bucket_names.IDENTITY_STREAM, bucket_names.IDENTITY_ENTRIES),
        ("HEADRACE_LIMITS", "hr.limits.>"),
    ):
        start, more = 1, True
        while more:
            records, more = await cluster.log.replayer.page(subject, start=start, stream=stream)
            found += [f"{each.subject} {each.headers} {each.payload!r}" for each in records]
            start = records[-1].sequence + 1 if records else start
    return found


@pytest.mark.slow
async def test_no_secret_of_any_request_is_in_logs_events_metrics_or_the_audit(watched: tuple[Cluster, str]) -> None:
    cluster, metrics = watched
    await ask_everything(cluster)
    owned = [SECRET, *await use_secrets(cluster)]
    await cluster.http.get("/api/v1/nothing", headers={"X-Correlation-Id": "last-of-all"})
    await cluster.members[0].until_logged("refused", correlation_id="last-of-all")
    lines = [line for member in cluster.members for line in member.lines]
    assert any('"event":"request"' in line for line in lines)
    shown = [(await cluster.http.get(metrics)).text, *lines]
    audit = [str(row) for row in await cluster.rows("SELECT * FROM audit")]
    kept = await kept_in_nats(cluster)
    assert len(kept) > 5
    for secret in owned:
        assert [each for each in (*shown, *audit, *kept) if secret in each] == [], secret
    # The audit has whose tasks an administrator has asked for, as it was asked.
    assert [each for each in shown if SENT in each] == []
