"""API keys over HTTP: what they allow, who may make them, and that each ends when it is revoked or expires."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from headrace.api.auth.api_keys import ApiKeys
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.identity import Scope
from headrace.identity.key_format import is_key
from headrace.identity.secrets import Secrets
from headrace.settings import DatabaseSettings
from headrace.store.engine import sqlalchemy_config
from tests.accounts import SECRET, Made
from tests.cluster import Cluster
from tests.flow.problems import check_problem
from tests.waiting import until

KEYS = "/api/v1/api-keys"
EVERY_SCOPE = sorted(Scope)
OF_MEMBERS = sorted({*Scope} - {Scope.ADMIN})


async def made(http: httpx.AsyncClient, **asked: Any) -> dict[str, Any]:
    answer = await http.post(KEYS, json={"name": "for a test", **asked})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{KEYS}/{answer.json()['id']}"
    return answer.json()


async def member_with_key(cluster: Cluster, **asked: Any) -> tuple[Made, dict[str, Any]]:
    member = await cluster.make_user()
    return member, await made_for(cluster, member.id, **asked)


async def made_for(cluster: Cluster, owner: str, **asked: Any) -> dict[str, Any]:
    answer = await cluster.http.post(KEYS, params={"owner": owner}, json={"name": "for a test", **asked})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_key_is_shown_once_and_allows_what_its_scopes_say(cluster: Cluster) -> None:
    member, key = await member_with_key(cluster, scopes=["tasks:read"])
    assert is_key(key["key"])
    assert (key["owner"], key["scopes"], key["start"]) == (member.id, ["tasks:read"], key["key"][3:11])
    http = cluster.http_as(key["key"])
    assert (await http.get("/api/v1/tasks")).status_code == 200
    submission = {"kind": "noop", "input": {}}
    check_problem(await http.post("/api/v1/tasks", json=submission), 403, "missing_scope")
    one, page = await http.get(f"{KEYS}/{key['id']}"), await http.get(KEYS)
    assert one.json() == {name: value for name, value in key.items() if name != "key"}
    assert [item["id"] for item in page.json()["items"]] == [key["id"], member.key_id]
    assert key["key"] not in one.text + page.text


async def test_a_key_has_no_more_than_its_owner_and_than_the_credential_that_makes_it(cluster: Cluster) -> None:
    assert (await made(cluster.http))["scopes"] == EVERY_SCOPE
    member = await cluster.make_user()
    assert (await made_for(cluster, member.id))["scopes"] == OF_MEMBERS
    too_much = {"name": "k", "scopes": ["admin", "tasks:read"]}
    refused = check_problem(
        await cluster.http.post(KEYS, params={"owner": member.id}, json=too_much), 422, "invalid_input"
    )
    assert refused["errors"] == [{"path": "/scopes", "message": "the role member of the owner does not have admin"}]
    narrow = cluster.http_as((await made(cluster.http, scopes=["admin", "tasks:read"]))["key"])
    assert (await made(narrow))["scopes"] == ["admin", "tasks:read"]
    more = await narrow.post(KEYS, json={"name": "k", "scopes": ["tasks:write", "tasks:read"]})
    assert "lacks tasks:write" in check_problem(more, 403, "missing_scope")["message"]


async def test_a_key_without_admin_makes_no_keys_and_revokes_only_itself(cluster: Cluster) -> None:
    member = await cluster.make_user()
    http = cluster.http_as(member.key)
    refused = check_problem(await http.post(KEYS, json={"name": "k"}), 403, "forbidden")
    assert "sign in to make one" in refused["message"]
    other = await made_for(cluster, member.id)
    check_problem(await http.delete(f"{KEYS}/{other['id']}"), 403, "forbidden")
    assert (await http.delete(f"{KEYS}/{member.key_id}")).status_code == 204
    check_problem(await http.get(KEYS), 401, "not_authenticated")
    assert (await cluster.http_as(other["key"]).get(KEYS)).status_code == 200


async def test_a_revoked_key_is_refused_and_stays_in_the_list(cluster: Cluster) -> None:
    member, key = await member_with_key(cluster)
    http, params = cluster.http_as(key["key"]), {"owner": member.id}
    assert (await http.get("/api/v1/tasks")).status_code == 200
    for _ in range(2):
        assert (await cluster.http.delete(f"{KEYS}/{key['id']}", params=params)).status_code == 204
    answer = await http.get("/api/v1/tasks")
    check_problem(answer, 401, "not_authenticated")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    listed = (await cluster.http.get(f"{KEYS}/{key['id']}", params=params)).json()
    assert listed["revoked_at"] is not None


async def test_the_keys_of_others_are_not_there_but_for_administrators(cluster: Cluster) -> None:
    member, key = await member_with_key(cluster)
    stranger = cluster.http_as((await cluster.make_user()).key)
    address = f"{KEYS}/{key['id']}"
    check_problem(await stranger.get(address), 404, "api_key_not_found")
    check_problem(await stranger.get(KEYS, params={"owner": member.id}), 403, "forbidden")
    check_problem(await stranger.post(KEYS, params={"owner": member.id}, json={"name": "k"}), 403, "forbidden")
    check_problem(await cluster.http.delete(address), 404, "api_key_not_found")
    check_problem(await cluster.http.get(f"{KEYS}/no id"), 404, "api_key_not_found")
    check_problem(await cluster.http.post(KEYS, params={"owner": "nobody"}, json={"name": "k"}), 404, "user_not_found")


async def test_the_owner_of_a_key_sees_that_an_administrator_has_made_it_and_the_audit_says_so(
    cluster: Cluster,
) -> None:
    member, key = await member_with_key(cluster)
    own = await made(cluster.http)
    assert (key["created_by"], own["created_by"]) == ("local", "local")
    listed = (await cluster.http_as(member.key).get(KEYS)).json()["items"]
    assert [(each["id"], each["owner"], each["created_by"]) for each in listed] == [
        (key["id"], member.id, "local"),
        (member.key_id, member.id, None),
    ]
    for made_key, owner, for_another in ((key, member.id, True), (own, "local", False)):
        (entry,) = (await cluster.http.get("/api/v1/audit", params={"subject": made_key["id"]})).json()["items"]
        assert (entry["action"], entry["actor"]) == ("key.created", "local")
        assert (entry["data"]["owner"], entry["data"]["for_another"]) == (owner, for_another)
        assert entry["data"]["name"] == made_key["name"]


async def test_a_key_that_is_revoked_again_is_in_the_audit_once(cluster: Cluster) -> None:
    member, key = await member_with_key(cluster)
    for _ in range(2):
        revoked = await cluster.http.delete(f"{KEYS}/{key['id']}", params={"owner": member.id})
        assert revoked.status_code == 204
    found = (await cluster.http.get("/api/v1/audit", params={"subject": key["id"]})).json()["items"]
    assert [each["action"] for each in found] == ["key.revoked", "key.created"]


async def test_a_key_ends_when_it_expires(cluster: Cluster) -> None:
    _, key = await member_with_key(cluster, expires_in=1)
    http = cluster.http_as(key["key"])
    left = datetime.fromisoformat(key["expires_at"]) - datetime.fromisoformat(key["created_at"])
    assert left == timedelta(seconds=1)

    async def is_refused() -> bool:
        return (await http.get("/api/v1/tasks")).status_code == 401

    await until(is_refused, "the end of the key")


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2099-01-01T00:00:00Z", "expires_in": 5}, "/expires_in"),
        ({"expires_in": 0}, "/expires_in"),
        ({"name": ""}, "/name"),
    ],
)
async def test_a_wrong_request_for_a_key_is_refused_by_the_name_of_the_field(
    cluster: Cluster, asked: dict[str, Any], path: str
) -> None:
    answer = await cluster.http.post(KEYS, json={"name": "k", **asked})
    assert answer.status_code in (400, 422)
    assert path in [error["path"] for error in answer.json()["errors"]]


async def test_a_list_goes_on_with_its_cursor(cluster: Cluster) -> None:
    member = await cluster.make_user()
    ids = [(await made_for(cluster, member.id))["id"] for _ in range(3)]
    found: list[str] = []
    params: dict[str, Any] = {"owner": member.id, "limit": 2}
    while True:
        page = (await cluster.http.get(KEYS, params=params)).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert found == [*reversed(ids), member.key_id]


async def test_the_secret_that_hashed_a_key_can_be_taken_away_once_the_key_was_used(cluster: Cluster) -> None:
    member = await cluster.make_user()
    config = sqlalchemy_config(DatabaseSettings(url=cluster.database_url))
    database, new = IdentityDatabase(config.create_session_maker()), "n" * 32
    assert await ApiKeys(Secrets([new]), database).verify(member.key) is None
    used = await ApiKeys(Secrets([new, SECRET]), database).verify(member.key)
    alone = await ApiKeys(Secrets([new]), database).verify(member.key)
    await config.get_engine().dispose()
    assert used is not None
    assert used == alone


async def test_a_batch_that_is_still_sent_when_its_key_is_revoked_is_not_accepted(cluster: Cluster) -> None:
    member, begun, revoked = await cluster.make_user(), asyncio.Event(), asyncio.Event()

    async def lines() -> AsyncGenerator[bytes]:
        yield b"{}\n" * 10_000
        begun.set()
        await revoked.wait()
        yield b"{}\n"

    async with cluster.http_as(member.key) as http:
        headers = {"Content-Type": "application/x-ndjson"}
        sending = asyncio.create_task(http.post("/api/v1/batches?kind=noop", content=lines(), headers=headers))
        await begun.wait()
        assert (await cluster.http.delete(f"{KEYS}/{member.key_id}?owner={member.id}")).status_code == 204
        revoked.set()
        check_problem(await sending, 401, "not_authenticated")
