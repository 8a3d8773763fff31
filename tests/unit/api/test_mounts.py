"""Mounts without servers: every route belongs to exactly one, and a process serves what it is told to and says where the rest is."""

from __future__ import annotations

import re
from collections import Counter
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from headrace.api.app import ROUTES, create_app
from headrace.api.auth.credentials import Credentials
from headrace.api.mounts import DOCUMENTS, Mount, mount_of
from headrace.contracts.identity import Role
from headrace.identity.principals import Principal, scopes_of
from tests.unit.api.counters import make_limits

# Litestar announces other ways to declare a body, which the tests of servers do not see.
pytestmark = pytest.mark.filterwarnings("ignore::litestar.exceptions.base_exceptions.LitestarDeprecationWarning")

ALWAYS = {"/health/live", "/health/ready"}


class ByName:
    """Takes a token for the name of a role."""

    def takes(self, token: str) -> bool:
        return True

    async def verify(self, token: str) -> Principal | None:
        return Principal(id=token, role=Role(token), scopes=scopes_of(Role(token)), credential=f"key:{token}")


def app_of(*mounts: Mount) -> Litestar:
    state: Any = SimpleNamespace(credentials=Credentials([ByName()]), limits=make_limits())
    return create_app(state, frozenset(mounts))


def served(app: Litestar) -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(("/api/v1", "/bff/v1", "/enter"))
        for method in route.methods - {"OPTIONS"}
    }


async def ask(app: Litestar, method: str, path: str, role: str = "member") -> httpx.Response:
    transport: Any = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.request(method, path, headers={"Authorization": f"Bearer {role}"})


def test_every_route_belongs_to_exactly_one_mount() -> None:
    counts = Counter(each for mount in Mount for each in served(app_of(mount)))
    assert set(counts.values()) == {1}
    assert set(counts) == served(app_of(*Mount))


def test_streams_has_the_event_streams_and_admin_what_only_administrators_may_call() -> None:
    streams = {path for _, path in served(app_of(Mount.STREAMS))}
    # The screens of a mount have their stream in it.
    assert streams == {path for _, path in served(app_of(*Mount)) if path.endswith("/events") and "/bff/" not in path}
    assert "/api/v1/follow/tasks/{task:str}/events" in streams
    assert {method for method, _ in served(app_of(Mount.STREAMS))} == {"GET"}
    for method, path in served(app_of(Mount.ADMIN)):
        (handler,) = (
            each
            for below, routes in ROUTES.items()
            for each in routes
            if method in each.http_methods and path in {f"{below}{p}" for p in each.paths}
        )
        assert mount_of(handler) is Mount.ADMIN
    screens = {path for _, path in served(app_of(Mount.MEMBER))}
    assert screens == {
        path for _, path in served(app_of(*Mount)) if path.startswith(("/bff/v1/member/", "/bff/v1/session"))
    }


@pytest.mark.parametrize("mount", Mount)
async def test_a_process_says_which_mount_has_what_it_does_not_serve(mount: Mount) -> None:
    app, elsewhere = app_of(mount), [each for each in Mount if each is not mount]
    for other in elsewhere:
        for method, path in served(app_of(other)):
            if path.startswith("/enter"):
                continue
            answer = await ask(app, method, path.replace("{", "").replace(":str}", ""))
            # Of a path that two mounts have, each has methods of its own.
            own = {each for each, of in served(app) if of == path}
            assert answer.status_code == (405 if own else 404), (method, path)
            assert own <= set(answer.headers.get("Allow", "").split(", ")), (method, path)
            assert f"belongs to the mount {other}, and this process serves {mount};" in answer.json()["message"]
    answer = await ask(app, "GET", "/api/v1/nothing")
    assert (answer.status_code, "mount" in answer.json()["message"]) == (404, False)


async def test_the_mount_of_administrators_refuses_everybody_else() -> None:
    app = app_of(Mount.ADMIN)
    for method, path in served(app):
        for role in ("member", "service"):
            answer = await ask(app, method, path.replace("{", "").replace(":str}", ""), role)
            assert (answer.status_code, answer.json()["error_code"]) == (403, "forbidden"), (method, path)


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_process_has_a_document_of_each_part_that_it_serves(name: str) -> None:
    mounts = DOCUMENTS[name]
    app = app_of(*mounts)
    document = msgspec.json.decode((await ask(app, "GET", f"/api/docs/{name}.json")).content)
    paths = {re.sub(":(str|int)}", "}", path) for _, path in served(app) if not path.startswith("/enter")}
    assert set(document["paths"]) == ALWAYS | paths
    assert document == msgspec.json.decode((await ask(app, "GET", "/api/docs/openapi.json")).content)
    whole = msgspec.json.decode((await ask(app_of(*Mount), "GET", f"/api/docs/{name}.json")).content)
    assert document == whole
    for other in DOCUMENTS.keys() - {name}:
        assert (await ask(app, "GET", f"/api/docs/{other}.json")).status_code == 404


async def test_a_document_has_of_its_mounts_those_that_the_process_serves() -> None:
    streams = msgspec.json.decode((await ask(app_of(Mount.STREAMS), "GET", "/api/docs/core.json")).content)
    assert "/api/v1/events" in streams["paths"]
    assert "/api/v1/tasks" not in streams["paths"]
    assert "TaskEvent" in streams["components"]["schemas"]
    assert "Submission" not in streams["components"]["schemas"]


def test_every_mount_is_in_exactly_one_document() -> None:
    assert Counter(each for of in DOCUMENTS.values() for each in of) == Counter(Mount)
