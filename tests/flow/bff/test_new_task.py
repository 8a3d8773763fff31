"""What somebody needs to submit a task, from real servers."""

from __future__ import annotations

from tests.cluster import Cluster
from tests.flow.problems import check_problem
from tests.screens import show


async def test_the_form_of_a_kind_is_filled_with_the_input_of_a_task_of_ones_own(cluster: Cluster) -> None:
    http = cluster.http_as((await cluster.make_user()).key)
    empty = await show(http, "member/new")
    assert (empty["selected"], empty["recent"]) == (None, [])
    (echo,) = (each for each in empty["kinds"] if each["name"] == "echo")
    assert (echo["title"], echo["has_workers"], echo["enabled"], echo["waiting"]) == ("Echo", True, True, 0)
    assert empty["limits"]["input_bytes"] == 8 << 20

    body = {"kind": "echo", "input": {"text": "again"}, "labels": {"customer": "42"}}
    task = (await http.post("/api/v1/tasks", json=body)).json()
    query = {"from": task["id"], "at_least": task["position"]}
    for more in ({}, {"kind": "echo"}):
        shown = await show(http, "member/new", **query, **more)
        selected = shown["selected"]
        assert (selected["name"], selected["prefill"], selected["labels"]) == ("echo", body["input"], body["labels"])
        assert selected["input_schema"]["$defs"]["Text"]["required"] == ["text"]
        assert [(each["id"], each["title"]) for each in shown["recent"]] == [(task["id"], "again")]
    other = (await show(http, "member/new", **query, kind="noop"))["selected"]
    assert (other["name"], other["prefill"], other["labels"]) == ("noop", None, {})
    assert (await show(http, "member/new", kind="nope"))["selected"] is None

    large = (await http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "x" * (256 << 10)}})).json()
    shown = await show(http, "member/new", **{"from": large["id"]}, at_least=large["position"])
    assert (shown["selected"]["name"], shown["selected"]["prefill"]) == ("echo", None)

    stranger = cluster.http_as((await cluster.make_user()).key)
    shown = await show(stranger, "member/new", **query, kind="echo")
    assert (shown["selected"]["prefill"], shown["recent"]) == (None, [])
    for odd in ({"kind": "No Kind"}, {"from": "no.id"}):
        check_problem(await http.get("/bff/v1/member/new", params=odd), 400, "malformed_request")
