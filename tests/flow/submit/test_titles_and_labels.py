"""What a task is called: decided when it is accepted, kept whenever it runs, and shown by whatever shows the task."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster
from tests.flow.batch_steps import NDJSON, settled
from tests.flow.problems import check_problem
from tests.waiting import until

TITLE, LABELS = "Aufsatz № 1: Größe 👩‍💻", {"customer": "Ümit & Söhne", "term": "2026-1"}
Json = dict[str, Any]


def named(task: Json) -> tuple[str, Json]:
    return task["title"], task["labels"]


async def headers_of(cluster: Cluster, task: str) -> set[tuple[str | None, str | None]]:
    events = await cluster.events(f"hr.tasks.*.*.*.*.{task}")
    assert len(events) > 1
    return {(each.headers.get("Headrace-Title"), each.headers.get("Headrace-Labels")) for each in events}


async def test_a_task_keeps_its_title_and_its_labels_whenever_it_runs(shared: Cluster) -> None:
    body = {"kind": "echo", "input": {"text": f" Aufsatz\n№ 1:\tGröße 👩‍💻{' '}"}, "labels": LABELS}
    answer = await shared.http.post("/api/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    assert named(answer.json()) == (TITLE, LABELS)
    first = await shared.outcome(answer.json()["id"])
    assert (first["state"], *named(first)) == ("succeeded", TITLE, LABELS)

    again = await shared.http.post(f"/api/v1/tasks/{first['id']}/runs")
    assert (again.status_code, *named(again.json())) == (202, TITLE, LABELS)
    await shared.http.get(f"/api/v1/tasks/{first['id']}", params={"at_least": again.json()["position"], "wait": 10})
    selected = {"select": {"kind": ["echo"], "created_from": first["created_at"]}, "per_second": 500}
    bulk = (await shared.http.post("/api/v1/runs", json=selected)).json()
    assert bulk["done"] >= 1

    async def ran_again() -> bool:
        return (await shared.finishes())[first["id"]] == 3

    await until(ran_again, "it to end for the third time")
    assert len(await headers_of(shared, first["id"])) == 1, "every event has the same"


async def test_the_field_that_its_kind_marks_is_the_title_and_without_any_text_the_end_of_its_id_is(
    shared: Cluster,
) -> None:
    marked = {"kind": "wait", "input": {"before": "not this", "name": "never"}}
    found = (await shared.http.post("/api/v1/tasks", json=marked)).json()
    assert found["title"] == "never"
    await shared.http.put(f"/api/v1/tasks/{found['id']}/cancellation")
    plain = (await shared.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})).json()
    assert named(plain) == (plain["id"][-12:], {})


@pytest.mark.invariant(4)
async def test_labels_are_part_of_what_a_key_was_used_for(shared: Cluster) -> None:
    body = {"kind": "echo", "input": {"text": "a"}, "labels": {"b": "2", "a": "1"}}
    headers = {"Idempotency-Key": "with-labels"}
    first = await shared.http.post("/api/v1/tasks", json=body, headers=headers)
    again = await shared.http.post("/api/v1/tasks", json=body | {"labels": {"a": "1", "b": "2"}}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert named(again.json()) == ("a", {"a": "1", "b": "2"})
    other = await shared.http.post("/api/v1/tasks", json=body | {"labels": {"a": "1"}}, headers=headers)
    check_problem(other, 422, "idempotency_key_reused")


async def test_the_labels_of_a_batch_are_those_of_its_tasks_and_an_entry_adds_its_own(shared: Cluster) -> None:
    labels = {"customer": "42", "term": "1"}
    entries = [{"input": {"text": "one"}, "labels": {"term": "2"}}, {"input": {"text": "two"}}]
    answer = await shared.http.post("/api/v1/batches", json={"kind": "echo", "entries": entries, "labels": labels})
    assert answer.status_code == 202, answer.text

    lines = b'{"input": {"text": "three"}, "labels": {"term": "3"}}\n'
    query = {"kind": "echo", "lines": "entries", "label": ["customer=42", "term=1"]}
    other = await shared.http.post("/api/v1/batches", params=query, content=lines, headers=NDJSON)
    assert other.status_code == 202, other.text

    found = list[Json]()
    for each in (answer, other):
        assert each.json()["labels"] == labels
        batch = await settled(shared, each.json()["id"])
        assert batch["labels"] == labels
        position = batch["position"]
        params = {"batch": each.json()["id"], "at_least": position}
        found += (await shared.http.get("/api/v1/tasks", params=params)).json()["items"]
    assert {(task["title"], task["labels"]["customer"], task["labels"]["term"]) for task in found} == {
        ("one", "42", "2"),
        ("two", "42", "1"),
        ("three", "42", "3"),
    }


async def test_a_schedule_gives_its_labels_and_its_title_to_each_task(shared: Cluster) -> None:
    definition = {"kind": "wait", "input": {"before": "not this", "name": "opened"}, "every": 1, "labels": LABELS}
    made = await shared.http.post("/api/v1/schedules", json=definition)
    assert made.status_code == 201, made.text
    assert made.json()["definition"]["labels"] == LABELS
    schedule = made.json()["id"]

    async def fired() -> list[Json]:
        rows = await shared.rows(f"SELECT title, labels FROM tasks WHERE schedule = '{schedule}' LIMIT 2")
        return rows if len(rows) == 2 else []

    rows = await until(fired, "it to fire twice")
    assert {(row["title"], *row["labels"]) for row in rows} == {("opened", *(f"{k}={v}" for k, v in LABELS.items()))}
    await shared.http.delete(f"/api/v1/schedules/{schedule}")
    await shared.http.post("/api/v1/cancellations", json={"select": {"kind": ["wait"]}})


@pytest.mark.parametrize(
    ("labels", "path", "words"),
    [
        ({"ok": "1", "customer": 42}, "/labels/customer", "has to be a string"),
        ({"customer": ""}, "/labels/customer", "1 to 63 printable characters"),
        ({"customer": "x" * 64}, "/labels/customer", "1 to 63 printable characters"),
        ({"customer": "a\nb"}, "/labels/customer", "printable"),
        ({"Cust/omer": "42"}, "/labels/Cust~1omer", "this name is not made of 1 to 63 lower-case letters"),
        ({f"k{n}": "v" for n in range(9)}, "/labels", "at most 8 entries"),
        (["customer"], "/labels", "has to be an object"),
    ],
)
async def test_what_can_be_no_label_is_refused_by_its_name(
    cluster: Cluster, labels: Any, path: str, words: str
) -> None:
    for route, body in (
        ("tasks", {"kind": "echo", "input": {"text": "a"}}),
        ("batches", {"kind": "echo", "inputs": [{"text": "a"}]}),
        ("schedules", {"kind": "echo", "input": {"text": "a"}, "every": 60}),
    ):
        answer = await cluster.http.post(f"/api/v1/{route}", json=body | {"labels": labels})
        problem = check_problem(answer, 400, "malformed_request")
        assert [error["path"] for error in problem["errors"]] == [path]
        assert words in problem["message"]


@pytest.mark.parametrize(
    "label", [["customer"], ["Customer=42"], ["a=1", "a=2"], [f"k{n}=v" for n in range(9)], ["a="]]
)
async def test_what_can_be_no_label_in_a_query_is_refused(cluster: Cluster, label: list[str]) -> None:
    query = {"kind": "echo", "label": label}
    answer = await cluster.http.post("/api/v1/batches", params=query, content=b'{"text":"a"}\n', headers=NDJSON)
    problem = check_problem(answer, 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == ["query label"]


async def test_a_batch_has_inputs_or_entries(cluster: Cluster) -> None:
    for more in ({}, {"inputs": [{"text": "a"}], "entries": [{"input": {"text": "a"}}]}):
        answer = await cluster.http.post("/api/v1/batches", json={"kind": "echo", **more})
        assert "either inputs, entries or files" in check_problem(answer, 400, "malformed_request")["message"]
