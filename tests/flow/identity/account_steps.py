"""Registering, signing in and deciding about accounts, as a person does it over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from tests.cluster import Cluster

PASSWORD = "river stone 9"
NEW_PASSWORD = "another river stone"


def new_person(name: str = "Ada", **differing: Any) -> dict[str, Any]:
    """What somebody types who asks for an account; the address is new each time."""
    return {"email": f"{name}.{uuid4().hex}@example.com", "display_name": name, "password": PASSWORD, **differing}


async def register(cluster: Cluster, person: dict[str, Any]) -> httpx.Response:
    """Ask for an account, without a credential."""
    return await cluster.http_as(None).post("/api/v1/users", json=person)


async def find_waiting(cluster: Cluster, person: dict[str, Any]) -> dict[str, Any]:
    """Find an account that waits for a decision, as an administrator."""
    answer = await cluster.http.get("/api/v1/users", params={"state": "pending", "q": person["email"].lower()})
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["items"]
    return found


async def decide(cluster: Cluster, user: str, state: str, reason: str | None = None) -> httpx.Response:
    """Decide about an account, as an administrator."""
    return await cluster.http.put(f"/api/v1/users/{user}/decision", json={"state": state, "reason": reason})


async def sign_in(cluster: Cluster, person: dict[str, Any]) -> httpx.AsyncClient:
    """Sign in with a password, and return a client with the access token of the session."""
    answer = await cluster.http_as(None).post(
        "/api/v1/session", json={"email": person["email"], "password": person["password"]}
    )
    assert answer.status_code == 201, answer.text
    return cluster.http_as(answer.json()["tokens"]["access_token"])


async def approved_person(cluster: Cluster, name: str = "Ada") -> tuple[dict[str, Any], str]:
    """Somebody with an approved account: what they typed, and their id."""
    person = new_person(name)
    assert (await register(cluster, person)).status_code == 202
    waiting = await find_waiting(cluster, person)
    assert (await decide(cluster, waiting["id"], "approved")).status_code == 200
    return person, waiting["id"]
