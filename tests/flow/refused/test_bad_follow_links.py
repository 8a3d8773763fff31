"""What follow links do not let anybody do, and what those get who try."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.identity.follow_tokens import FollowTokens, Grant
from tests.cluster import Cluster
from tests.flow.follow_link_steps import NEW, OURS, ask, finished, in_seconds, link_to, path_with, token_of
from tests.flow.problems import check_problem

THEIRS = "https://elsewhere.example"


@pytest.mark.invariant(8)
async def test_a_follow_link_is_for_one_task_or_batch_only(cluster_with_follow_links: Cluster) -> None:
    task, other = await finished(cluster_with_follow_links), await finished(cluster_with_follow_links)
    token = token_of(await link_to(cluster_with_follow_links, f"tasks/{task}"))
    for path, code in (
        (path_with(other, token), "task_not_found"),
        (path_with(task, token, "batches"), "batch_not_found"),
        (path_with("*", token), "task_not_found"),
        (path_with("nope", token), "task_not_found"),
    ):
        check_problem(await cluster_with_follow_links.http.get(path), 404, code)
    for_batch = FollowTokens([NEW]).make(Grant("batch", task, "local", in_seconds(60)))
    check_problem(await cluster_with_follow_links.http.get(path_with(task, for_batch)), 404, "task_not_found")


@pytest.mark.invariant(8)
async def test_a_follow_link_grants_nothing_but_watching(cluster_with_follow_links: Cluster) -> None:
    task = await finished(cluster_with_follow_links)
    link = await link_to(cluster_with_follow_links, f"tasks/{task}")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        check_problem(await cluster_with_follow_links.http.request(method, link), 405, "method_not_allowed")


def _signed_otherwise(token: str) -> str:
    """A token with another signature: of its first character every bit counts, of its last one not."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.invariant(8)
@pytest.mark.parametrize("change", ["no token", "an empty one", "nonsense", "another signature", "another secret"])
@pytest.mark.parametrize("what", ["tasks", "batches"])
async def test_a_follow_token_that_is_not_ours_is_refused(
    cluster_with_follow_links: Cluster, what: str, change: str
) -> None:
    task = "01a1f9b8-ba72-76cb-aaed-487558f3cb98"
    grant = Grant("task" if what == "tasks" else "batch", task, "local", in_seconds(60))
    good = FollowTokens([NEW]).make(grant)
    assert (
        await cluster_with_follow_links.http.get(path_with(task, good, what))
    ).status_code == 404  # there is no such thing; it is let in
    path = {
        "no token": path_with(task, "", what).partition("?")[0],
        "an empty one": path_with(task, "", what),
        "nonsense": path_with(task, "nonsense", what),
        "another signature": path_with(task, _signed_otherwise(good), what),
        "another secret": path_with(task, FollowTokens(["x" * 40]).make(grant), what),
    }[change]
    check_problem(await cluster_with_follow_links.http.get(path), 401, "invalid_follow_token")


async def test_a_follow_token_that_is_too_long_to_be_one_is_refused(cluster_with_follow_links: Cluster) -> None:
    problem = check_problem(
        await cluster_with_follow_links.http.get(path_with("t", "x" * 401)), 400, "malformed_request"
    )
    assert [error["path"] for error in problem["errors"]] == ["query token"]
    assert "xxx" not in problem["message"]


@pytest.mark.invariant(8)
async def test_an_expired_follow_link_is_refused_whatever_it_was_for(cluster_with_follow_links: Cluster) -> None:
    task = await finished(cluster_with_follow_links)
    for what, collection in (("task", "tasks"), ("batch", "batches")):
        expired = FollowTokens([NEW]).make(Grant(what, task, "local", in_seconds(-1)))
        check_problem(
            await cluster_with_follow_links.http.get(path_with(task, expired, collection)), 403, "follow_token_expired"
        )


@pytest.mark.parametrize("after", ["nonsense", "1-", "x" * 42])
async def test_a_malformed_cursor_is_refused_with_a_follow_link_as_without(
    cluster_with_follow_links: Cluster, after: str
) -> None:
    link = await link_to(cluster_with_follow_links, f"tasks/{await finished(cluster_with_follow_links)}")
    assert (await cluster_with_follow_links.http.get(f"{link}&after={after}")).status_code == 400
    assert (await cluster_with_follow_links.http.get(link, headers={"Last-Event-ID": after})).status_code == 400


async def test_follow_links_are_made_only_to_what_there_is(cluster_with_follow_links: Cluster) -> None:
    for unknown in ("01a1f9b8-ba72-76cb-aaed-487558f3cb98", "nope", "*"):
        check_problem(await ask(cluster_with_follow_links, f"tasks/{unknown}"), 404, "task_not_found")
        check_problem(await ask(cluster_with_follow_links, f"batches/{unknown}"), 404, "batch_not_found")


@pytest.mark.parametrize("expires_in", [0, -1, 0.5, 86_401, 1e300, "soon", None, True, [60]])
async def test_a_follow_link_has_a_bounded_time_to_live(cluster_with_follow_links: Cluster, expires_in: Any) -> None:
    task = await finished(cluster_with_follow_links)
    answer = await ask(cluster_with_follow_links, f"tasks/{task}", expires_in=expires_in)
    problem = check_problem(answer, 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == ["/expires_in"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"expires": 60}', b"60"])
async def test_a_malformed_request_for_a_follow_link_is_refused(
    cluster_with_follow_links: Cluster, body: bytes
) -> None:
    path, headers = (
        f"/api/v1/tasks/{await finished(cluster_with_follow_links)}/follow-links",
        {"Content-Type": "application/json"},
    )
    check_problem(
        await cluster_with_follow_links.http.post(path, content=body, headers=headers), 400, "malformed_request"
    )


@pytest.mark.parametrize("given", ["0", "86401", "soon", "", "nan", "inf", "-1"])
@pytest.mark.parametrize("of", ["tasks", "batches"])
async def test_a_follow_link_that_cannot_be_made_is_refused_before_anything_is_accepted(
    cluster_with_follow_links: Cluster, of: str, given: str
) -> None:
    before = (await cluster_with_follow_links.log.refresh()).last_sequence
    body = {"kind": "noop", **({"input": {}} if of == "tasks" else {"inputs": [{}]})}
    answer = await cluster_with_follow_links.http.post(f"/api/v1/{of}", json=body, params={"follow_link": given})
    problem = check_problem(answer, 422, "invalid_input")
    assert [error["path"] for error in problem["errors"]] == ["query follow_link"]
    assert all(record.sequence <= before for record in await cluster_with_follow_links.events(f"hr.{of}.>"))


async def test_without_a_secret_there_are_no_follow_links_and_the_setting_is_named(cluster: Cluster) -> None:
    task = await finished(cluster)
    token = FollowTokens([NEW]).make(Grant("task", task, "local", in_seconds(60)))
    for answer in (
        await ask(cluster, f"tasks/{task}"),
        await ask(cluster, "tasks/nope"),
        await ask(cluster, "batches/nope"),
        await cluster.http.get(path_with(task, token)),
        await cluster.http.get(path_with(task, token, "batches")),
    ):
        assert "HEADRACE_API_FOLLOW_SECRETS" in check_problem(answer, 501, "follow_links_off")["message"]


async def test_without_a_secret_a_submission_that_asks_for_a_follow_link_is_refused(cluster: Cluster) -> None:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}}, params={"follow_link": 60})
    check_problem(answer, 501, "follow_links_off")


@pytest.mark.invariant(8)
async def test_pages_of_the_configured_origins_may_use_follow_links_and_nothing_else(
    cluster_with_follow_links: Cluster,
) -> None:
    task = await finished(cluster_with_follow_links)
    link = await link_to(cluster_with_follow_links, f"tasks/{task}")
    refused = path_with(task, "nonsense")
    for path in (link, refused, path_with("t", "x" * 401), "/api/v1/follow/nothing"):
        for method in ("GET", "OPTIONS"):
            for origin in (
                OURS,
                THEIRS,
                "null",
                "https://app.example.evil",
                "https://app.example:8443",
                "HTTPS://APP.EXAMPLE",
            ):
                headers = (
                    await cluster_with_follow_links.http.request(method, path, headers={"Origin": origin})
                ).headers
                assert headers.get("Access-Control-Allow-Origin") == (origin if origin == OURS else None), (
                    path,
                    origin,
                )
                assert "Origin" in headers["Vary"]
                assert "Access-Control-Allow-Credentials" not in headers
        assert "Access-Control-Allow-Origin" not in (await cluster_with_follow_links.http.get(path)).headers
    for path in (
        "/api/v1/tasks",
        f"/api/v1/tasks/{task}",
        f"/api/v1/tasks/{task}/follow-links",
        "/api/v1/kinds",
        "/api/v1/followers",
    ):
        for method in ("GET", "OPTIONS", "POST"):
            headers = (await cluster_with_follow_links.http.request(method, path, headers={"Origin": OURS})).headers
            assert "Access-Control-Allow-Origin" not in headers, path
    async with cluster_with_follow_links.http.stream("GET", "/api/v1/events", headers={"Origin": OURS}) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_cors_preflight_is_answered_with_what_a_page_may_send(cluster_with_follow_links: Cluster) -> None:
    asked = {"Origin": OURS, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "last-event-id"}
    answer = await cluster_with_follow_links.http.options(path_with("t", "x"), headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Methods"] == "GET"
    assert answer.headers["Access-Control-Allow-Headers"].lower() == "last-event-id"
    assert int(answer.headers["Access-Control-Max-Age"]) <= 600
