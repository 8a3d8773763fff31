"""One task and one batch closely, from real servers."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster
from tests.flow.problems import check_problem
from tests.screens import show
from tests.waiting import until


async def test_a_task_shows_what_came_of_it_and_what_its_handler_wrote(cluster: Cluster) -> None:
    owner = await cluster.make_user()
    http = cluster.http_as(owner.key)
    first = (await http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "a"}})).json()
    second = (await http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "b"}})).json()
    shown: dict[str, Any] = {}

    async def has_ended() -> bool:
        answer = await http.get(f"/bff/v1/member/tasks/{second['id']}", params={"at_least": second["position"]})
        assert answer.status_code == 200, answer.text
        shown.update(answer.json())
        return not shown["stale"] and shown["task"]["state"] == "succeeded"

    await until(has_ended, "the task has succeeded")
    task = shown["task"]
    assert (task["id"], task["owner"], task["runs"], task["batch"]) == (second["id"], None, 1, None)
    assert (task["input"], task["result"]["kind"]) == ({"kind": "whole", "value": {"text": "b"}}, "whole")
    assert [(each["run"], each["number"], each["end"]) for each in shown["attempts"]] == [(1, 1, "succeeded")]
    assert [each["event"] for each in shown["timeline"]] == ["queued", "started", "finished"]
    assert (shown["log"]["complete"], shown["output"]["complete"]) == (True, True)
    assert (shown["waiting"], shown["files"], shown["siblings"]) == (None, [], None)
    assert shown["around"] == {"newer": None, "older": first["id"]}
    assert shown["input_schema"]["$ref"] or shown["input_schema"]["type"]
    # Administrators see that of anybody, and whose it is. Nobody else does.
    of_admin = await show(cluster.http, f"admin/tasks/{second['id']}")
    assert of_admin["task"]["owner"]["id"] == owner.id
    check_problem(await http.get(f"/bff/v1/admin/tasks/{second['id']}"), 403, "forbidden")
    other = cluster.http_as((await cluster.make_user()).key)
    check_problem(await other.get(f"/bff/v1/member/tasks/{second['id']}"), 404, "task_not_found")
    check_problem(await http.get("/bff/v1/member/tasks/nope"), 404, "task_not_found")


async def test_a_page_of_a_deleted_task_is_not_to_be_asked_for_again(cluster: Cluster) -> None:
    http = cluster.http_as((await cluster.make_user()).key)
    task = (await http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "a"}})).json()
    page = f"/bff/v1/member/tasks/{task['id']}"
    ended = await http.get(f"/api/v1/tasks/{task['id']}", params={"wait": "10"})
    assert ended.json()["state"] == "succeeded"
    assert (await http.delete(f"/api/v1/tasks/{task['id']}")).status_code == 204

    async def is_gone() -> bool:
        return (await http.get(page)).status_code == 404

    await until(is_gone, "the read model has read the deletion")
    check_problem(await http.get(page), 404, "task_not_found")
    of_admin = await cluster.http.get(f"/bff/v1/admin/tasks/{task['id']}")
    check_problem(of_admin, 404, "task_not_found")


async def test_a_batch_shows_how_far_it_is_and_what_went_wrong(cluster: Cluster) -> None:
    owner = await cluster.make_user()
    http = cluster.http_as(owner.key)
    batch = (await http.post("/api/v1/batches", json={"kind": "fail", "inputs": [{}] * 7, "max_attempts": 1})).json()
    shown: dict[str, Any] = {}

    async def has_settled() -> bool:
        answer = await http.get(
            f"/bff/v1/member/batches/{batch['id']}", params={"at_least": batch["position"], "limit": 5}
        )
        assert answer.status_code == 200, answer.text
        shown.update(answer.json())
        return not shown["stale"] and shown["batch"]["state"] == "settled"

    await until(has_settled, "the batch has settled")
    assert (shown["batch"]["counts"]["failed"], shown["batch"]["owner"], shown["rate"]) == (7, None, None)
    (group,) = shown["failures"]
    assert (group["count"], group["code"], shown["failures_counted"]) == (7, "raised", 7)
    assert sum(shown["throughput"]["failed"]) == 7
    assert len(shown["slowest"]) == 5
    rest = await show(http, f"member/batches/{batch['id']}", cursor=shown["next_cursor"], state="failed")
    ids = [each["id"] for each in shown["items"] + rest["items"]]
    assert sorted(ids) == [f"{batch['id']}-{index}" for index in range(7)]
    assert rest["next_cursor"] is None
    assert (await show(http, f"member/batches/{batch['id']}", state="queued"))["items"] == []
    task = await show(http, f"member/tasks/{batch['id']}-3")
    assert task["siblings"] == {"batch": {"id": batch["id"], "name": None}, "index": 3, "total": 7}
    assert task["around"] == {"newer": f"{batch['id']}-4", "older": f"{batch['id']}-2"}
    of_admin = await show(cluster.http, f"admin/batches/{batch['id']}")
    assert of_admin["batch"]["owner"]["id"] == of_admin["items"][0]["owner"]["id"] == owner.id
    check_problem(await http.get(f"/bff/v1/admin/batches/{batch['id']}"), 403, "forbidden")
    other = cluster.http_as((await cluster.make_user()).key)
    check_problem(await other.get(f"/bff/v1/member/batches/{batch['id']}"), 404, "batch_not_found")
    check_problem(await http.get("/bff/v1/member/batches/a.b"), 404, "batch_not_found")
