"""Sessions over HTTP: programs with tokens, browsers with cookies, and what neither of them can do."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import httpx
import pytest

from headrace.identity.key_format import make_key
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.identity.session_steps import CSRF, PASSWORD, browser_at, make_account, make_link, sign_in
from tests.flow.problems import check_problem

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_program_signs_in_submits_refreshes_and_signs_out(cluster: Cluster) -> None:
    user, email = await make_account(cluster)
    client = cluster.http_as(None)
    signed_in = await sign_in(client, email)
    assert (signed_in["user"]["id"], signed_in["user"]["role"], signed_in["credential"]) == (user, "member", "session")
    assert "tasks:write" in signed_in["scopes"]
    assert not client.cookies
    tokens = signed_in["tokens"]
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    accepted = await client.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "hello"}})
    assert (accepted.status_code, accepted.json()["owner"]) == (202, user)
    who = (await client.get("/api/v1/session")).json()
    assert {**who, "tokens": tokens, "expires_at": None} == {**signed_in, "user": who["user"], "expires_at": None}

    refreshed = await client.put("/api/v1/session", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 200, refreshed.text
    assert refreshed.json()["session"] == signed_in["session"]
    assert (await client.delete("/api/v1/session")).status_code == 204
    challenge = await client.get("/api/v1/session")
    check_problem(challenge, 401, "not_authenticated")
    assert 'error="invalid_token"' in challenge.headers["WWW-Authenticate"]
    again = await client.put("/api/v1/session", json={"refresh_token": refreshed.json()["tokens"]["refresh_token"]})
    check_problem(again, 401, "not_authenticated")


async def test_a_browser_signs_in_with_cookies_that_it_cannot_read_and_loses_them_when_it_signs_out(
    cluster: Cluster,
) -> None:
    user, email = await make_account(cluster)
    browser = browser_at(cluster)
    body = {"email": email, "password": PASSWORD, "cookies": True}
    answer = await browser.post("/api/v1/session", json=body, headers=CSRF)
    assert (answer.status_code, answer.json()["tokens"]) == (201, None)
    given = answer.headers.get_list("Set-Cookie")
    assert len(given) == 2
    for cookie in given:
        assert all(each in cookie.lower() for each in ("httponly", "samesite=lax", "path=/", "max-age="))
        assert "secure" not in cookie.lower(), "a browser keeps no secure cookie over plain HTTP"
    assert (await browser.get("/api/v1/session")).json()["user"]["id"] == user
    before = dict(browser.cookies)
    del browser.cookies["headrace"]
    expired = check_problem(await browser.get("/api/v1/session"), 401, "not_authenticated")
    assert "PUT /api/v1/session" in expired["message"]
    assert (await browser.put("/api/v1/session", headers=CSRF)).status_code == 200
    assert all(browser.cookies[name] != value for name, value in before.items())
    assert (await browser.delete("/api/v1/session", headers=CSRF)).status_code == 204
    assert not browser.cookies
    check_problem(await browser.get("/api/v1/session"), 401, "not_authenticated")


async def test_under_a_public_name_cookies_are_bound_to_the_host_and_to_https(cluster: Cluster) -> None:
    _, email = await make_account(cluster)
    body = {"email": email, "password": PASSWORD, "cookies": True}
    there = {**CSRF, "Host": "headrace-api", "Sec-Fetch-Site": "same-origin"}
    answer = await cluster.http_as(None).post("/api/v1/session", json=body, headers=there)
    for cookie in answer.headers.get_list("Set-Cookie"):
        assert cookie.startswith("__Host-headrace")
        assert "secure" in cookie.lower()
        assert "domain" not in cookie.lower()


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}], ids=str)
async def test_a_change_with_a_cookie_alone_is_refused(cluster: Cluster, origin: dict[str, str]) -> None:
    _, email = await make_account(cluster)
    browser = browser_at(cluster)
    await sign_in(browser, email, cookies=True)
    del browser.headers["Origin"]
    task = {"kind": "echo", "input": {"text": "hello"}}
    code = "cross_site" if origin else "csrf"
    check_problem(await browser.post("/api/v1/tasks", json=task, headers={**origin, **CSRF}), 403, code)
    for call in (browser.put, browser.delete):
        check_problem(await call("/api/v1/session", headers=origin), 403, code)
    own = {"Origin": cluster.url}
    check_problem(await browser.post("/api/v1/tasks", json=task, headers=own), 403, "csrf")
    check_problem(
        await browser.post("/api/v1/session", json={"email": "", "password": "", "cookies": True}, headers=own),
        403,
        "csrf",
    )
    assert (await browser.post("/api/v1/tasks", json=task, headers={**own, **CSRF})).status_code == 202


async def test_the_header_authorization_wins_over_a_cookie(cluster: Cluster) -> None:
    user, email = await make_account(cluster)
    other = await cluster.make_user()
    browser = browser_at(cluster)
    await sign_in(browser, email, cookies=True)
    both = {"Authorization": f"Bearer {other.key}"}
    who = (await browser.get("/api/v1/session", headers=both)).json()
    assert (who["user"]["id"], who["credential"], who["session"]) == (other.id, "key", None)
    # It is sent by nobody by accident, so it needs no other header.
    task = {"kind": "echo", "input": {"text": "hello"}}
    assert (await browser.post("/api/v1/tasks", json=task, headers=both)).json()["owner"] == other.id
    wrong = {"Authorization": "Bearer nonsense"}
    check_problem(await browser.get("/api/v1/session", headers=wrong), 401, "not_authenticated")
    assert (await browser.get("/api/v1/session")).json()["user"]["id"] == user


async def test_twenty_tabs_that_refresh_at_once_end_signed_in(cluster: Cluster) -> None:
    _, email = await make_account(cluster)
    browser = browser_at(cluster)
    await sign_in(browser, email, cookies=True)
    tabs = await asyncio.gather(*(browser.put("/api/v1/session", headers=CSRF) for _ in range(20)))
    assert {each.status_code for each in tabs} == {200}
    assert len({each.cookies["headrace-refresh"] for each in tabs}) == 1
    assert len((await browser.get("/api/v1/sessions")).json()["items"]) == 1
    assert (await browser.put("/api/v1/session", headers=CSRF)).status_code == 200


async def test_a_browser_loses_its_cookies_when_its_session_has_ended_and_not_while_a_tab_is_late(
    cluster: Cluster,
) -> None:
    _, email = await make_account(cluster)
    browser = browser_at(cluster)
    await sign_in(browser, email, cookies=True)
    tokens = [browser.cookies["headrace-refresh"]]
    for _ in range(2):
        assert (await browser.put("/api/v1/session", headers=CSRF)).status_code == 200
        tokens.append(browser.cookies["headrace-refresh"])
    late = await _refresh_with(cluster, tokens[1])
    assert (late.status_code, late.cookies["headrace-refresh"]) == (200, tokens[2])
    # What is refused for another reason takes nothing away.
    check_problem(await browser.put("/api/v1/session"), 403, "csrf")
    assert set(browser.cookies) == {"headrace", "headrace-refresh"}
    # A token that was used long ago ends the session, and so does any other from now on.
    for token in (tokens[0], tokens[2]):
        ended = await _refresh_with(cluster, token)
        check_problem(ended, 401, "not_authenticated")
        assert len(ended.headers.get_list("Set-Cookie")) == 2
    check_problem(await browser.put("/api/v1/session", headers=CSRF), 401, "not_authenticated")
    assert not browser.cookies


async def _refresh_with(cluster: Cluster, token: str) -> httpx.Response:
    """Refresh as a browser does that has this cookie."""
    browser = browser_at(cluster)
    browser.cookies.set("headrace-refresh", token)
    return await browser.put("/api/v1/session", headers=CSRF)


async def test_a_stolen_refresh_token_ends_the_session_also_for_the_access_tokens_that_it_has(cluster: Cluster) -> None:
    _, email = await make_account(cluster)
    client = cluster.http_as(None)
    tokens = [(await sign_in(client, email))["tokens"]]
    for _ in range(2):
        answer = await client.put("/api/v1/session", json={"refresh_token": tokens[-1]["refresh_token"]})
        tokens.append(answer.json()["tokens"])
    stolen = await client.put("/api/v1/session", json={"refresh_token": tokens[0]["refresh_token"]})
    assert "used before" in check_problem(stolen, 401, "not_authenticated")["message"]
    for each in tokens:
        answer = await client.get("/api/v1/session", headers={"Authorization": f"Bearer {each['access_token']}"})
        check_problem(answer, 401, "not_authenticated")


async def test_an_unknown_a_wrong_and_a_missing_password_are_answered_alike(cluster: Cluster) -> None:
    _, email = await make_account(cluster)
    without = await cluster.make_user()
    told = []
    for given, password in (
        (email, "wrong"),
        (f"{without.id}@example.com", PASSWORD),
        ("nobody@example.com", PASSWORD),
    ):
        answer = await cluster.http_as(None).post("/api/v1/session", json={"email": given, "password": password})
        problem = check_problem(answer, 401, "sign_in_refused")
        told.append((problem["message"], answer.headers["WWW-Authenticate"]))
    assert len(set(told)) == 1


@pytest.mark.parametrize("state", ["pending", "rejected"])
async def test_an_account_that_is_not_approved_reads_its_own_state_and_nothing_else(
    cluster: Cluster, state: str
) -> None:
    _, email = await make_account(cluster, state=state)
    client = cluster.http_as(None)
    signed_in = await sign_in(client, email)
    assert (signed_in["user"]["state"], signed_in["scopes"]) == (state, [])
    client.headers["Authorization"] = f"Bearer {signed_in['tokens']['access_token']}"
    assert (await client.get("/api/v1/session")).json()["user"]["state"] == state
    for path in ("tasks", "batches", "kinds", "events", "sessions"):
        check_problem(await client.get(f"/api/v1/{path}"), 403, "account_not_active")
    answer = await client.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "hello"}})
    assert state in check_problem(answer, 403, "account_not_active")["message"]
    assert (await client.delete("/api/v1/session")).status_code == 204


async def test_a_disabled_account_cannot_sign_in_and_the_audit_says_which_it_was(cluster: Cluster) -> None:
    user, email = await make_account(cluster, state="disabled")
    answer = await cluster.http_as(None).post("/api/v1/session", json={"email": email, "password": PASSWORD})
    assert "administrator" in check_problem(answer, 403, "account_disabled")["message"]
    wanted = {"subject": user, "action": "sign_in.failed"}
    (entry,) = (await cluster.http.get("/api/v1/audit", params=wanted)).json()["items"]
    assert entry["data"]["reason"] == "account_disabled"


async def test_who_is_not_signed_in_is_told_what_helps_and_nothing_of_commands_of_this_machine(
    cluster: Cluster,
) -> None:
    http = cluster.http_as(None)
    for method, path, headers, remedy in (
        ("GET", "tasks", {}, "this request has no credential; sign in with POST /api/v1/session, or send an API key"),
        ("GET", "tasks", {"Cookie": "headrace-refresh=x"}, "sign in again"),
        ("GET", "tasks", {"Authorization": f"Bearer {make_key()}"}, "this API key is not valid"),
        ("GET", "tasks", {"Authorization": f"Bearer {make_key()[:-1]}"}, "this API key is not valid"),
        ("GET", "tasks", {"Authorization": "Bearer a.b.c"}, "this session has ended"),
        ("PUT", "session", {}, "sign in with POST /api/v1/session"),
    ):
        said = check_problem(await http.request(method, f"/api/v1/{path}", headers=headers), 401, "not_authenticated")
        assert remedy in said["message"]
        assert "headrace key" not in said["message"]


async def test_sessions_are_listed_and_ended_one_by_one_and_all_at_once(cluster: Cluster) -> None:
    _, email = await make_account(cluster)
    clients = [cluster.http_as(None) for _ in range(3)]
    ids: list[str] = []
    for client in clients:
        signed_in = await sign_in(client, email)
        client.headers["Authorization"] = f"Bearer {signed_in['tokens']['access_token']}"
        ids.append(signed_in["session"])
    first, second, third = clients
    listed = (await third.get("/api/v1/sessions")).json()["items"]
    assert [(each["id"], each["current"]) for each in listed] == [(ids[2], True), (ids[1], False), (ids[0], False)]
    assert listed[0]["address"] == "127.0.0.1"
    assert listed[0]["agent"].startswith("python-httpx")
    assert (await third.delete(f"/api/v1/sessions/{ids[0]}")).status_code == 204
    check_problem(await third.delete(f"/api/v1/sessions/{ids[0]}"), 404, "session_not_found")
    check_problem(await first.get("/api/v1/session"), 401, "not_authenticated")
    stranger = cluster.http_as(None)
    tokens = (await sign_in(stranger, (await make_account(cluster))[1]))["tokens"]
    stranger.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    check_problem(await stranger.delete(f"/api/v1/sessions/{ids[1]}"), 404, "session_not_found")
    assert (await third.delete("/api/v1/sessions", params={"keep_current": True})).status_code == 204
    check_problem(await second.get("/api/v1/session"), 401, "not_authenticated")
    assert (await third.delete("/api/v1/sessions")).status_code == 204
    check_problem(await third.get("/api/v1/session"), 401, "not_authenticated")


async def test_a_key_says_whose_it_is_and_is_no_session(cluster: Cluster) -> None:
    who = (await cluster.http.get("/api/v1/session")).json()
    assert (who["user"]["id"], who["credential"]) == ("local", "key")
    check_problem(await cluster.http.get("/api/v1/sessions"), 403, "session_needed")
    check_problem(await cluster.http.delete("/api/v1/session"), 403, "session_needed")


async def test_an_oauth_client_signs_in_with_a_form_and_refreshes(cluster: Cluster) -> None:
    user, email = await make_account(cluster)
    client = cluster.http_as(None)
    form = {"grant_type": "password", "username": email, "password": PASSWORD, "client_id": "docs"}
    answer = await client.post("/api/v1/session/token", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    tokens = answer.json()
    assert (tokens["token_type"], 590 <= tokens["expires_in"] <= 600) == ("Bearer", True)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await client.get("/api/v1/session", headers=headers)).json()["user"]["id"] == user
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await client.post("/api/v1/session/token", data=form)).status_code == 200


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": "password", "username": "nobody@example.com", "password": "wrong"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "hrr_none"}, "invalid_grant"),
        ({"grant_type": "password"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "malformed_request"),
        ({"username": "a"}, "malformed_request"),
        ([("grant_type", "password"), ("grant_type", "password")], "malformed_request"),
        ([(f"field{number}", "x") for number in range(50)], "malformed_request"),
    ],
    ids=str,
)
async def test_a_form_that_grants_nothing_is_answered_with_400(
    cluster: Cluster, form: dict[str, str] | list[tuple[str, str]], code: str
) -> None:
    answer = await cluster.http_as(None).post("/api/v1/session/token", content=urlencode(form), headers=FORM)
    problem = check_problem(answer, 400, code)
    assert problem.get("error") == (code if code == "invalid_grant" else None)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"%ff=%ff", b"grant_type=password&username=%00&password=x", b"&&&", b"x" * 20_000]
)
async def test_a_form_of_any_bytes_is_refused_and_breaks_nothing(cluster: Cluster, body: bytes) -> None:
    answer = await cluster.http_as(None).post("/api/v1/session/token", content=body, headers=FORM)
    assert answer.status_code in (400, 413), answer.text


async def test_a_link_signs_a_browser_of_this_machine_in_once(cluster: Cluster) -> None:
    user, _ = await make_account(cluster)
    link = await make_link(cluster, user, f"once-{user}")
    browser = browser_at(cluster)
    assert (await browser.head(link)).status_code == 200
    ahead = await browser.get(link, headers={"Sec-Purpose": "prefetch;prerender"})
    assert (ahead.status_code, ahead.headers["Retry-After"]) == (503, "1")
    for elsewhere in ({"Host": "headrace-api"}, {"X-Forwarded-For": "203.0.113.1"}, {"Forwarded": "for=203.0.113.1"}):
        assert (await browser.get(link, headers=elsewhere)).status_code == 403
    assert not browser.cookies
    answer = await browser.get(link)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert (await browser.get("/api/v1/session")).json()["user"]["id"] == user
    used = await browser.get(link)
    assert (used.status_code, used.headers["Content-Type"]) == (410, "text/html; charset=utf-8")
    assert "headrace enter" in used.text
    assert (await browser.get("/enter/none")).status_code == 410


async def test_without_postgres_a_session_goes_on_also_where_nobody_has_seen_its_token(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    user, email = await make_account(cluster)
    client = cluster.http_as(None)
    tokens = (await sign_in(client, email))["tokens"]
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    async with cluster.without_postgres():
        accepted = await client.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "hello"}})
        assert (accepted.status_code, accepted.json()["owner"]) == (202, user)
        refreshed = await client.put("/api/v1/session", json={"refresh_token": tokens["refresh_token"]})
        assert "Retry-After" in refreshed.headers
        check_problem(refreshed, 503, "identity_unavailable")
        tab = await _refresh_with(cluster, tokens["refresh_token"])
        assert (tab.status_code, "Set-Cookie" in tab.headers) == (503, False)
        signed_in = await client.post("/api/v1/session", json={"email": email, "password": PASSWORD})
        check_problem(signed_in, 503, "identity_unavailable")
    assert (await client.put("/api/v1/session", json={"refresh_token": tokens["refresh_token"]})).status_code == 200
