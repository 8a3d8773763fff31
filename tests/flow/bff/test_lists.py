"""The lists of tasks and batches, from real servers."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster
from tests.flow.bff.test_screens import show
from tests.flow.problems import check_problem
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
    everybody = await show(cluster.http, "admin/tasks", limit=1)
    assert (everybody["filter"]["owner"], everybody["matched"]["count"] >= 3) == ("*", True)
    assert (await http.get("/bff/v1/admin/tasks")).status_code in (403, 404)


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
