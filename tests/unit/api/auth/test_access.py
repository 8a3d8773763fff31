"""Access rules: every route has one, and a route without one is open to nobody."""

from __future__ import annotations

import pytest
from litestar import Litestar, get
from litestar.routes import HTTPRoute
from litestar.testing import AsyncTestClient

from headrace.api.auth.access import OWN_STATE, SIGNED_IN, access, check_access, rule_of, without_rule
from headrace.api.auth.authentication import authorize, enter
from headrace.api.mounts import DOCUMENTS
from headrace.contracts.identity import Role, UserState
from headrace.identity.principals import Principal, scopes_of
from headrace.identity_errors import AccountNotActive, Forbidden, MissingScope
from tests.unit.api.apps import SIGNED, make_app

APP = make_app()


def principal(role: Role = Role.MEMBER, *scopes: str, state: UserState = UserState.ACTIVE) -> Principal:
    return Principal(id="u", role=role, scopes=scopes_of(role, scopes), credential="key:k", state=state)


def refuses(error: type[Forbidden], who: Principal, rule: str) -> bool:
    with pytest.raises(error) as refused:
        check_access(who, access(rule)["access"])
    return refused.type is error


def test_every_route_has_a_rule_and_asks_for_it_before_anything_else() -> None:
    assert list(without_rule(APP.routes)) == []
    for route in APP.routes:
        assert isinstance(route, HTTPRoute)
        for handler in route.route_handlers:
            hook = handler.resolve_before_request()
            assert getattr(hook, "func", hook) in (authorize, enter), route.path


def test_only_these_routes_are_public() -> None:
    public = {
        route.path
        for route in APP.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if (rule := rule_of(handler)) is not None and rule.is_public
    }
    assert public == {
        "/health/live",
        "/health/ready",
        "/enter/{token:str}",
        "/api/docs",
        "/api/docs/{path:str}",
        *(f"/api/docs/{name}.json" for name in ("openapi", *DOCUMENTS)),
        *(f"/api/docs/{name}" for name in ("page.css", "page.js", "elements.js", "account.js", "try.js")),
        "/api/v1/installation",
        "/api/v1/session",
        "/api/v1/session/token",
        "/api/v1/users",
        "/api/v1/password",
        "/api/v1/follow/batches/{batch:str}/events",
        "/api/v1/follow/tasks/{task:str}/events",
        "/api/v1/files/{file:str}/parts/{number:int}",
        "/api/v1/downloads/{file:str}",
    }


async def test_a_route_without_a_rule_is_open_to_nobody() -> None:
    @get("/forgotten")
    async def forgotten() -> str:
        return "secret"

    app: Litestar = make_app()
    app.register(forgotten)
    assert list(without_rule(app.routes)) == ["GET /forgotten"]
    async with AsyncTestClient(app) as client:
        answer = await client.get("/forgotten", headers=SIGNED)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "forbidden")


def test_a_rule_is_met_by_its_scope_and_by_an_active_account() -> None:
    check_access(principal(Role.MEMBER, "tasks:read"), access("tasks:read")["access"])
    assert refuses(MissingScope, principal(Role.MEMBER, "tasks:read"), "tasks:write")
    assert refuses(Forbidden, principal(Role.MEMBER, "tasks:read", "admin"), "admin")
    assert refuses(AccountNotActive, principal(Role.MEMBER, "tasks:read", state=UserState.PENDING), "tasks:read")
    check_access(principal(), SIGNED_IN)
    check_access(principal(state=UserState.PENDING), OWN_STATE)
    with pytest.raises(AccountNotActive):
        check_access(principal(state=UserState.DISABLED), SIGNED_IN)


def test_a_rule_names_a_scope_that_exists() -> None:
    with pytest.raises(ValueError, match="tasks:everything"):
        access("tasks:everything")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "has no credential"),
        ("Basic bG9jYWw6eA==", "scheme other than Bearer"),
        ("bearer", "no token"),
        ("Bearer ", "no token"),
        ("Bearer " + "x" * 5000, "no token"),
        ("Bearer é", "no token"),
        ("Digest x", "scheme other than Bearer"),
    ],
)
async def test_a_request_without_a_usable_credential_is_told_how_to_send_one(header: str | None, words: str) -> None:
    async with AsyncTestClient(APP) as client:
        headers = {} if header is None else {"Authorization": header.encode()}
        answer = await client.get("/api/v1/tasks", headers=headers)
    problem = answer.json()
    assert (answer.status_code, problem["error_code"]) == (401, "not_authenticated")
    assert words in problem["message"]
    assert "Authorization: Bearer <key>" in problem["message"]
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="headrace"')
