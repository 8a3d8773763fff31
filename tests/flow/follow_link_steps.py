"""What the tests of follow links have in common: asking for one, reading what it shows, and forging one."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.cluster import Cluster
from tests.sse import Seen, follow

NEW, OLD = "n" * 40, "o" * 40  # the secrets of the cluster `cluster_with_follow_links`: the first signs
OURS = "https://app.example"  # whose pages may use its links
PATIENCE_SECONDS = 8.0


async def ask(cluster: Cluster, path: str, **body: Any) -> httpx.Response:
    return await cluster.http.post(f"/api/v1/{path}/follow-links", json=body)


async def link_to(cluster: Cluster, path: str, **body: Any) -> str:
    answer = await ask(cluster, path, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()["url"]


def token_of(link: str) -> str:
    (token,) = parse_qs(urlsplit(link).query)["token"]
    return token


def path_with(task: str, token: str, what: str = "tasks") -> str:
    return f"/api/v1/follow/{what}/{task}/events?token={token}"


def in_seconds(seconds: float) -> int:
    return int(time.time() + seconds)


async def shown(cluster: Cluster, path: str) -> list[Seen]:
    """What a stream shows that ends by itself, and soon."""
    async with asyncio.timeout(PATIENCE_SECONDS), follow(cluster.http, path) as stream:
        return await stream.rest()


async def finished(cluster: Cluster) -> str:
    """A task that is over."""
    task = (await cluster.submit("noop"))["id"]
    await cluster.outcome(task)
    return task
