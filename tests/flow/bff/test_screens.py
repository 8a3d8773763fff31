"""What the web application reads: each screen, as a member and as an administrator, from real servers."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.flow.identity.session_steps import make_account, sign_in
from tests.flow.problems import check_problem
from tests.screens import show
from tests.waiting import until

MEMBER = ("dashboard", "new", "account", "schedules")
ADMIN = ("overview", "operations", "failures", "users", "pending-users", "settings", "audit")


async def test_whoever_signs_in_is_told_who_they_are_and_what_there_is(cluster: Cluster) -> None:
    id_, email = await make_account(cluster)
    http = cluster.http_as(None)
    check_problem(await http.get("/bff/v1/session"), 401, "not_authenticated")
    token = (await sign_in(http, email))["tokens"]["access_token"]
    shown = (await http.get("/bff/v1/session", headers={"Authorization": f"Bearer {token}"})).json()
    assert shown["user"] | {"display_name": ""} == {
        "id": id_,
        "email": email,
        "display_name": "",
        "role": "member",
        "state": "active",
    }
    assert shown["csrf"]["name"] == "X-Headrace-CSRF"
    assert shown["features"].keys() == {"files", "follow_links", "registration"}


async def test_an_account_shows_its_sessions_its_keys_and_what_it_uses(cluster: Cluster) -> None:
    id_, email = await make_account(cluster)
    made = await cluster.make_user(id_)
    http = cluster.http_as(None)
    tokens = (await sign_in(http, email))["tokens"]
    http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    await http.put(f"/api/v1/users/{id_}", json={"display_name": "Ada"})
    assert (await show(http, "member/account"))["preferences"]["theme"] == "system"
    chosen = {"language": "de", "theme": "dark", "time_zone": "Europe/Berlin", "hours": "24", "density": "compact"}
    for user in ("me", id_):
        assert (await http.put(f"/api/v1/users/{user}/preferences", json=chosen)).json() == chosen
    assert (await http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})).status_code == 202
    shown = await show(http, "member/account")
    assert (shown["user"]["id"], shown["user"]["display_name"], shown["position"]) == (id_, "Ada", None)
    assert [(each["id"], each["current"]) for each in shown["sessions"]] == [(tokens["session"], True)]
    assert made.key_id in {each["id"] for each in shown["keys"]}
    assert shown["preferences"] == chosen == (await http.get("/bff/v1/session")).json()["preferences"]
    usage = shown["usage"]
    assert usage["submissions"]["used"] == 3, "every change is counted, besides that of the account itself"
    assert usage["submissions"]["window_seconds"] == 60
    assert usage["streams"]["open"] == 0
    assert usage["storage"] == {"limit_bytes": 50 << 30, "used_bytes": 0}
    # Another credential of this account has no session.
    by_key = await show(cluster.http_as(made.key), "member/account")
    assert [each["current"] for each in by_key["sessions"]] == [False]


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"theme": "blue"}, 400, "/theme"),
        ({"colour": "blue"}, 400, ""),
        ({"time_zone": "Mars/Olympus"}, 422, "/time_zone"),
        ({"time_zone": "x" * 65}, 400, "/time_zone"),
    ],
)
async def test_preferences_that_cannot_be_kept_are_refused(
    cluster: Cluster, body: dict[str, str], status: int, path: str
) -> None:
    _, email = await make_account(cluster)
    http = cluster.http_as(None)
    http.headers["Authorization"] = f"Bearer {(await sign_in(http, email))['tokens']['access_token']}"
    answer = await http.put("/api/v1/users/me/preferences", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (status, path)


async def test_nobody_chooses_the_preferences_of_another_account_and_no_key_does_so(cluster: Cluster) -> None:
    made, other = await cluster.make_user(), await cluster.make_user()
    http = cluster.http_as(made.key)
    check_problem(await http.put(f"/api/v1/users/{other.id}/preferences", json={}), 404, "user_not_found")
    refused = await http.put(f"/api/v1/users/{made.id}/preferences", json={})
    check_problem(refused, 403, "session_needed")
    assert refused.json()["message"].startswith("preferences are chosen by whoever is signed in, and the request")
    check_problem(await cluster.http.put(f"/api/v1/users/{other.id}/preferences", json={}), 403, "forbidden")


async def test_schedules_show_when_they_fire_and_what_came_of_the_last_time(cluster: Cluster) -> None:
    http = cluster.http_as((await cluster.make_user()).key)
    empty = await show(http, "member/schedules")
    assert (empty["items"], empty["next_cursor"]) == ([], None)
    definition = {"kind": "noop", "input": {}, "cron": "0 30 9 * * 1-5", "time_zone": "Europe/Berlin", "name": "daily"}
    first = (await http.post("/api/v1/schedules", json=definition)).json()
    every = {"kind": "noop", "input": {}, "every": 1}
    second = (await http.post("/api/v1/schedules", json=every)).json()

    async def has_fired() -> bool:
        shown = await show(http, "member/schedules", at_least=second["position"])
        last, recent = shown["items"][1]["last"], shown["items"][1]["recent"]
        return (
            last is not None and last["state"] == "succeeded" and len(recent) > 1 and recent[1]["seconds"] is not None
        )

    await until(has_fired, "the schedule has fired twice and its tasks have ended")
    shown = await show(http, "member/schedules", at_least=second["position"], limit=1)
    (item,) = shown["items"]
    assert (item["id"], item["name"], item["kind"], item["problem"]) == (first["id"], "daily", "noop", None)
    assert item["definition"]["time_zone"] == "Europe/Berlin"
    assert len(item["next"]) == 5
    assert item["recent"] == []
    assert item["next"] == sorted(set(item["next"]))
    rest = await show(http, "member/schedules", cursor=shown["next_cursor"])
    assert [each["id"] for each in rest["items"]] == [second["id"]]
    recent = rest["items"][0]["recent"]
    assert recent[0]["task"] == rest["items"][0]["last"]["task"]
    assert [each["at"] for each in recent] == sorted((each["at"] for each in recent), reverse=True)
    assert rest["next_cursor"] is None
    paused = await http.put(f"/api/v1/schedules/{second['id']}", json={**every, "paused": True})
    shown = await show(http, "member/schedules", at_least=paused.json()["position"])
    assert shown["items"][1]["next"] == []
    # Nobody sees those of others.
    others = await show(cluster.http_as((await cluster.make_user()).key), "member/schedules")
    assert others["items"] == []


async def test_administrators_see_accounts_and_those_that_wait(cluster: Cluster) -> None:
    id_, _ = await make_account(cluster)
    made = await cluster.make_user(id_)
    waiting = await cluster.make_user(state="pending")
    shown = await show(cluster.http, "admin/users", q=id_[:8], limit=1)
    everybody = await show(cluster.http, "admin/users", limit=200)
    (entry,) = (each for each in everybody["items"] if each["id"] == id_)
    assert entry["keys"] >= 1
    assert (entry["running"], entry["queued"]) == (0, 0)
    assert (entry["sessions"], entry["role"], entry["state"]) == (0, "member", "active")
    assert made.id == id_
    assert shown["counts"] == everybody["counts"]
    assert sum(everybody["counts"].values()) >= len(everybody["items"])
    pending = await show(cluster.http, "admin/pending-users", limit=200)
    assert waiting.id in {each["id"] for each in pending["items"]}
    assert len(pending["items"]) == everybody["counts"]["pending"]
    check_problem(await cluster.http.get("/bff/v1/admin/users", params={"state": "odd"}), 400, "malformed_request")


async def test_administrators_see_the_settings_as_a_form_and_who_has_changed_what(cluster: Cluster) -> None:
    before = await show(cluster.http, "admin/settings")
    settings: Any = {each["key"]: each for group in before["groups"] for each in group["settings"]}
    values = {key: each["value"] for key, each in settings.items()}
    changed = {**values, "banner": None if values["banner"] else "Maintenance tonight"}
    answer = await cluster.http.put(
        "/api/v1/admin/settings", json=changed, headers={"If-Match": f'"{before["version"]}"'}
    )
    assert answer.status_code == 200, answer.text
    try:
        after = await show(cluster.http, "admin/settings")
        assert after["version"] == before["version"] + 1
        (banner,) = (each for group in after["groups"] for each in group["settings"] if each["key"] == "banner")
        assert (banner["value"], banner["source"]) == ("Maintenance tonight", "stored")
        assert banner["changed"]["by"]["id"] == "local"
        assert banner["schema"]["anyOf"][0]["maxLength"] == 500
        assert after["status"] is None
    finally:
        again = await show(cluster.http, "admin/settings")
        await cluster.http.put("/api/v1/admin/settings", json=values, headers={"If-Match": f'"{again["version"]}"'})


async def test_administrators_see_who_did_what_on_whom(cluster: Cluster) -> None:
    other = await cluster.make_user()
    await cluster.http.get("/api/v1/tasks", params={"owner": other.id})
    shown = await show(cluster.http, "admin/audit", target=other.id)
    (item,) = shown["items"]
    assert item["actor"]["id"] == "local"
    assert item["action"] == "user.viewed"
    assert item["target"]["type"] == "user"
    assert item["target"]["id"] == other.id
    assert item["details"]["route"] == "/api/v1/tasks"
    assert "user.viewed" in shown["actions"]


@pytest.mark.parametrize("screen", ADMIN)
async def test_members_are_refused_the_screens_of_administrators(cluster: Cluster, screen: str) -> None:
    http = cluster.http_as((await cluster.make_user()).key)
    check_problem(await http.get(f"/bff/v1/admin/{screen}"), 403, "forbidden")


@pytest.mark.parametrize("screen", [*(f"member/{each}" for each in MEMBER), *(f"admin/{each}" for each in ADMIN)])
async def test_a_screen_is_sent_once_and_compressed(cluster: Cluster, screen: str) -> None:
    http = cluster.http_as((await cluster.make_user(role="admin")).key)
    http.headers["Accept-Encoding"] = "identity"
    plain = await http.get(f"/bff/v1/{screen}")
    assert plain.headers["Cache-Control"] == "no-store"
    assert plain.headers["Vary"] == "Cookie, Authorization, Accept-Encoding"
    again = await http.get(f"/bff/v1/{screen}", headers={"If-None-Match": plain.headers["ETag"]})
    if again.status_code == 200:
        # Something else has changed meanwhile: accounts and the audit are those of all tests.
        assert again.headers["ETag"] != plain.headers["ETag"]
    else:
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == plain.headers["ETag"]
    async with http.stream("GET", f"/bff/v1/{screen}", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([each async for each in answer.aiter_raw()])
        is_compressed = answer.headers.get("Content-Encoding") == "gzip"
        body = gzip.decompress(raw) if is_compressed else raw
        # A part that is late in one answer and there in the next makes them differ in length.
        assert is_compressed == (len(body) > 1024)
    assert json.loads(body).keys() == plain.json().keys()
