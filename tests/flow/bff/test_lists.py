"""The lists of tasks and batches, from real servers."""

from __future__ import annotations

from typing import Any

import httpx

from tests.cluster import Cluster
from tests.flow.problems import check_problem
from tests.screens import show
from tests.waiting import until


async def test_a_list_has_what_the_filter_selects_and_says_how_many_these_are(cluster: Cluster) -> None:
    owner = await cluster.make_user()
    http = cluster.http_as(owner.key)
    for kind in ("fail", "fail", "hang"):
        assert (await http.post("/api/v1/tasks", json={"kind": kind, "input": {}})).status_code == 202
    shown: dict[str, Any] = {}

    async def has_ended() -> bool:
        shown.update(await show(http, "member/tasks", state="failed", kind="fail"))
        return shown["facets"]["kind"] == {"fail": 2, "hang": 1}

    await until(has_ended, "all tasks have failed")
    assert (shown["filter"]["state"], shown["filter"]["kind"], shown["filter"]["owner"]) == (["failed"], ["fail"], None)
    assert (shown["matched"], shown["facets"]["state"]["failed"]) == ({"count": 2, "exact": True}, 2)
    assert [(each["kind"], each["owner"]) for each in shown["items"]] == [("fail", None)] * 2
    finer = await show(http, "member/tasks", code="timeout", limit=1)
    assert (finer["facets"], finer["matched"], len(finer["items"])) == (None, {"count": 1, "exact": True}, 1)
    check_problem(await http.get("/bff/v1/member/tasks", params={"state": "gone"}), 400, "malformed_request")

    # Administrators see those of all accounts, or of one.
    of_one = await show(cluster.http, "admin/tasks", owner=owner.id)
    assert (of_one["filter"]["owner"], of_one["matched"]["count"]) == (owner.id, 3)
    assert {each["owner"]["id"] for each in of_one["items"]} == {owner.id}
    for of_all in ({}, {"owner": "*"}):
        everybody = await show(cluster.http, "admin/tasks", limit=1, **of_all)
        assert (everybody["filter"]["owner"], everybody["matched"]["count"] >= 3) == ("*", True)
    for page in ("admin/tasks", "member/tasks"):
        assert (await show(cluster.http, page, owner="*", kind="none"))["items"] == []
    check_problem(await http.get("/bff/v1/admin/tasks"), 403, "forbidden")


async def test_the_pages_of_a_list_join_in_each_order(cluster: Cluster) -> None:
    owner, other = await cluster.make_user(), await cluster.make_user()
    http = cluster.http_as(owner.key)
    made = await http.post("/api/v1/batches", json={"kind": "noop", "inputs": [{}] * 7})
    assert made.status_code == 202, made.text
    single = (await http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})).json()
    shown: dict[str, Any] = {}

    async def has_ended() -> bool:
        shown.update(await show(http, "member/tasks", state="succeeded", at_least=single["position"]))
        return shown["matched"]["count"] == 8

    await until(has_ended, "all tasks have succeeded")
    everything = [each["id"] for each in shown["items"]]
    assert len(set(everything)) == 8
    for sort in ("newest", "longest_run", "longest_wait"):
        whole = [each["id"] for each in (await show(http, "member/tasks", sort=sort))["items"]]
        assert sorted(whole) == sorted(everything)
        assert await pages(http, "member/tasks", sort=sort) == whole
        assert await pages(cluster.http, "admin/tasks", sort=sort, owner=owner.id) == whole
    assert await pages(http, "member/tasks", batch=made.json()["id"]) == [
        id_ for id_ in everything if id_ != single["id"]
    ]
    # Without an owner, one batch is the same list for administrators.
    of_batch = await pages(cluster.http, "admin/tasks", batch=made.json()["id"])
    assert of_batch == [id_ for id_ in everything if id_ != single["id"]]

    for params in ({"owner": "*"}, {"owner": owner.id}):
        check_problem(await cluster.http_as(other.key).get("/bff/v1/member/tasks", params=params), 403, "forbidden")
    by_age = (await show(http, "member/tasks", limit=1))["next_cursor"]
    by_run = (await show(http, "member/tasks", limit=1, sort="longest_run"))["next_cursor"]
    for params in ({"cursor": "x"}, {"cursor": by_age, "sort": "longest_run"}, {"cursor": by_run}):
        check_problem(await http.get("/bff/v1/member/tasks", params=params), 400, "invalid_cursor")
    refused = check_problem(
        await cluster.http.get("/bff/v1/admin/tasks", params={"sort": "longest_run"}), 422, "invalid_input"
    )
    assert refused["errors"][0]["path"] == "query sort"


async def pages(http: httpx.AsyncClient, page: str, **query: Any) -> list[str]:
    """Return the ids of all pages of a list."""
    shown = await show(http, page, limit=3, **query)
    ids = [each["id"] for each in shown["items"]]
    while shown["next_cursor"] is not None:
        assert len(shown["items"]) == 3
        shown = await show(http, page, limit=3, cursor=shown["next_cursor"], **query)
        ids += [each["id"] for each in shown["items"]]
    return ids


async def test_a_list_has_what_was_written_at_the_position_that_it_is_asked_for(cluster: Cluster) -> None:
    position = ""
    for _ in range(3):
        made = (await cluster.http.post("/api/v1/batches", json={"kind": "noop", "inputs": [{}]})).json()
        position = made["position"]
        for page in ("member/tasks", "admin/tasks"):
            items = (await show(cluster.http, page, at_least=position))["items"]
            assert made["id"] in {each["batch"]["id"] for each in items if each["batch"] is not None}
        for page in ("member/batches", "admin/batches"):
            assert made["id"] in {each["id"] for each in (await show(cluster.http, page, at_least=position))["items"]}
    for wrong in ("7", f"{position}0000"):
        answer = await cluster.http.get("/bff/v1/member/tasks", params={"at_least": wrong})
        check_problem(answer, 400, "invalid_position")


async def test_batches_are_listed_for_their_owner_and_for_administrators(cluster: Cluster) -> None:
    owner = await cluster.make_user()
    http = cluster.http_as(owner.key)
    other = cluster.http_as((await cluster.make_user()).key)
    made = await http.post("/api/v1/batches", json={"kind": "fail", "inputs": [{}]})
    assert made.status_code == 202, made.text

    async def is_listed() -> bool:
        shown = await show(http, "member/batches", kind="fail")
        return [each["id"] for each in shown["items"]] == [made.json()["id"]]

    await until(is_listed, "the batch is listed")
    assert (await show(other, "member/batches"))["items"] == []
    (own,) = (await show(http, "member/batches"))["items"]
    assert own["owner"] is None

    # Administrators see those of all accounts, or of one, and whose each is.
    for everybody in ({}, {"owner": "*"}):
        listed = (await show(cluster.http, "admin/batches", kind="fail", **everybody))["items"]
        assert {each["id"]: each["owner"]["id"] for each in listed}[made.json()["id"]] == owner.id
    for page in ("admin/batches", "member/batches"):
        (of_one,) = (await show(cluster.http, page, owner=owner.id))["items"]
        assert (of_one["id"], of_one["owner"]["id"]) == (made.json()["id"], owner.id)
    assert (await show(cluster.http, "admin/batches", owner="nobody"))["items"] == []
    check_problem(await http.get("/bff/v1/admin/batches"), 403, "forbidden")
    check_problem(await cluster.http.get("/bff/v1/admin/batches", params={"cursor": "x"}), 400, "invalid_cursor")
    for params in ({"owner": "*"}, {"owner": owner.id}):
        check_problem(await other.get("/bff/v1/member/batches", params=params), 403, "forbidden")
    check_problem(await cluster.http.get("/bff/v1/member/batches", params={"owner": "*"}), 400, "malformed_request")
