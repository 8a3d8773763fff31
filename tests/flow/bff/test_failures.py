"""Failures of all accounts, from real servers."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster
from tests.flow.problems import check_problem
from tests.screens import show
from tests.waiting import until


async def test_administrators_see_which_failures_are_alike_and_one_sort_of_them_closely(cluster: Cluster) -> None:
    owner = await cluster.make_user()
    http = cluster.http_as(owner.key)
    for kind in ("fail", "fail", "hang"):
        assert (await http.post("/api/v1/tasks", json={"kind": kind, "input": {}})).status_code == 202
    shown: dict[str, Any] = {}

    async def has_ended() -> bool:
        shown.update(await show(cluster.http, "admin/failures", owner=owner.id))
        return shown["total"] == 3

    await until(has_ended, "all tasks have failed")
    groups = {each["kind"]: each for each in shown["groups"]}
    failed = groups["fail"]
    assert (failed["count"], failed["owners"], failed["per_hour"][-1] + failed["per_hour"][-2]) == (2, 1, 2)
    assert groups["hang"]["code"] == "timeout"
    assert shown["selected"] is None
    some = await show(cluster.http, "admin/failures", owner=owner.id, code="timeout")
    assert (some["total"], [each["kind"] for each in some["groups"]]) == (1, ["hang"])

    fingerprint = failed["fingerprint"]
    selected = (await show(cluster.http, "admin/failures", owner=owner.id, fingerprint=fingerprint))["selected"]
    assert (selected["filter"]["fingerprint"], selected["filter"]["owner"]) == (fingerprint, owner.id)
    assert [(each["state"], each["owner"]["id"]) for each in selected["items"]] == [("failed", owner.id)] * 2
    assert selected["next_cursor"] is None
    assert selected["sample"]["task"] == failed["newest"] == selected["items"][0]["id"]
    assert "no such thing as a free lunch" in selected["sample"]["traceback"]
    assert selected["sample"]["input"] == {"kind": "whole", "value": {}}
    # Of everybody there may be more of them, and a group that does not exist is empty.
    everybody = await show(cluster.http, "admin/failures", fingerprint="0" * 16)
    assert {each["fingerprint"]: each["count"] for each in everybody["groups"]}[fingerprint] >= 2
    assert (everybody["selected"]["items"], everybody["selected"]["sample"]) == ([], None)
    check_problem(
        await cluster.http.get("/bff/v1/admin/failures", params={"fingerprint": "x"}), 400, "malformed_request"
    )
