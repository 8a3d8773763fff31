"""Submissions whose when, how long and how often make no sense: each is refused with the field that is to be changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.flow.life_steps import ask, in_bulk, now
from tests.flow.problems import check_problem

YEAR = 366 * 86_400


def at(**difference: float) -> str:
    return (now() + timedelta(**difference)).isoformat()


@pytest.mark.parametrize(
    ("said", "path", "words"),
    [
        ({"run_at": "2030-01-01T00:00:00"}, "/run_at", "time zone"),
        ({"run_at": "tomorrow"}, "/run_at", "time zone (RFC 3339)"),
        ({"delay": -0.001}, "/delay", "0 or more"),
        ({"delay": YEAR + 1}, "/delay", "31622400 or less"),
        ({"delay": "soon"}, "/delay", "has to be a number"),
        ({"delay": True}, "/delay", "has to be a number"),
        ({"expires_in": 0}, "/expires_in", "more than 0"),
        ({"expires_in": -1}, "/expires_in", "more than 0"),
        ({"expires_in": YEAR + 1}, "/expires_in", "31622400 or less"),
        ({"max_attempts": 0}, "/max_attempts", "1 or more"),
        ({"max_attempts": 101}, "/max_attempts", "100 or less"),
        ({"max_attempts": 1.5}, "/max_attempts", "has to be an integer"),
        ({"priority": "urgent"}, "/priority", "urgent"),
        ({"priority": None}, "/priority", "has to be a string"),
        ({"run_att": "2030-01-01T00:00:00Z"}, "", "did you mean 'run_at'?"),
        ({"attempts": 3}, "", "no field 'attempts'"),
    ],
)
async def test_a_submission_with_a_field_that_cannot_be_read_is_refused_with_the_path(
    cluster: Cluster, said: dict[str, Any], path: str, words: str
) -> None:
    problem = check_problem(await ask(cluster, "noop", **said), 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == [path]
    assert words in problem["errors"][0]["message"]
    assert words in problem["message"]


@pytest.mark.parametrize(
    ("said", "path", "words"),
    [
        (lambda: {"run_at": at(seconds=-61)}, "/run_at", "more than a minute ago"),
        (lambda: {"run_at": "0001-01-01T00:00:00Z"}, "/run_at", "more than a minute ago"),
        (lambda: {"run_at": at(days=367)}, "/run_at", "more than a year ahead"),
        (lambda: {"run_at": "9999-12-31T23:59:59Z"}, "/run_at", "more than a year ahead"),
        (lambda: {"run_at": "9999-12-31T23:59:59-12:00"}, "/run_at", "more than a year ahead"),
        (lambda: {"run_at": "0001-01-01T00:00:00+12:00"}, "/run_at", "more than a minute ago"),
        (lambda: {"run_at": at(seconds=10), "delay": 10}, "/delay", "either run_at or delay"),
        (lambda: {"run_at": at(seconds=10), "delay": 0}, "/delay", "either run_at or delay"),
        (lambda: {"delay": 10, "expires_in": 5}, "/expires_in", "before it is due"),
        (lambda: {"delay": 10, "expires_in": 10}, "/expires_in", "before it is due"),
        (lambda: {"run_at": at(seconds=10), "expires_in": 5}, "/expires_in", "before it is due"),
    ],
)
async def test_a_submission_whose_times_make_no_sense_is_refused_with_the_path(
    cluster: Cluster, said: Any, path: str, words: str
) -> None:
    problem = check_problem(await ask(cluster, "noop", **said()), 422, "invalid_input")
    assert [error["path"] for error in problem["errors"]] == [path]
    assert words in problem["errors"][0]["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("field", ["delay", "expires_in"])
async def test_a_duration_that_is_not_a_finite_number_is_refused(cluster: Cluster, field: str, number: str) -> None:
    body = f'{{"kind": "noop", "input": {{}}, "{field}": {number}}}'
    answer = await cluster.http.post("/api/v1/tasks", content=body, headers={"Content-Type": "application/json"})
    check_problem(answer, 400, "malformed_request")


@pytest.mark.parametrize("route", ["cancellations", "runs"])
@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({}, "", "the field 'select' is missing"),
        ({"select": []}, "/select", "has to be an object"),
        ({"select": {"colour": "red"}}, "/select", "no field 'colour'"),
        ({"select": {"state": ["done"]}}, "/select/state/0", "'done' is not possible"),
        ({"select": {"code": ["bored"]}}, "/select/code/0", "'bored' is not possible"),
        ({"select": {"state": "failed"}}, "/select/state", "has to be an array"),
        ({"select": {"kind": "echo"}}, "/select/kind", "has to be an array"),
        ({"select": {"code": "raised"}}, "/select/code", "has to be an array"),
        ({"select": {"labels": ["customer=42"]}}, "/select/labels", "has to be an object"),
        ({"select": {"kind": ["No Kind"]}}, "/select/kind/0", "not the name of a kind"),
        ({"select": {"batch": "x" * 65}}, "/select/batch", "at most 64 characters"),
        ({"select": {"batch": "a\0"}}, "/select/batch", "not made of"),
        ({"select": {"batch": ""}}, "/select/batch", "not made of"),
        ({"select": {"kind": ["a\0"]}}, "/select/kind/0", "not the name of a kind"),
        ({"select": {"created_from": "2030-01-01T00:00:00"}}, "/select/created_from", "time zone"),
        ({"select": {"finished_before": "never"}}, "/select/finished_before", "time zone (RFC 3339)"),
        ({"select": {}, "limit": 0}, "/limit", "1 or more"),
        ({"select": {}, "limit": 1001}, "/limit", "1000 or less"),
        ({"select": {}, "per_second": 0}, "/per_second", "more than 0"),
        ({"select": {}, "per_second": 501}, "/per_second", "500 or less"),
        ({"select": {}, "dry_run": "yes"}, "/dry_run", "has to be a boolean"),
        ({"select": {}, "dryrun": True}, "", "did you mean 'dry_run'?"),
    ],
)
async def test_a_bulk_request_that_cannot_be_read_is_refused_with_the_path(
    cluster: Cluster, route: str, body: dict[str, Any], path: str, words: str
) -> None:
    problem = check_problem(await cluster.http.post(f"/api/v1/{route}", json=body), 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == [path]
    assert words in problem["errors"][0]["message"]


@pytest.mark.parametrize("route", ["cancellations", "runs"])
@pytest.mark.parametrize("field", ["created_from", "created_before", "finished_from", "finished_before"])
@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"])
async def test_a_bulk_request_from_before_or_after_all_time_is_refused(
    cluster: Cluster, route: str, field: str, instant: str
) -> None:
    body = {"select": {field: instant}, "dry_run": True}
    problem = check_problem(await cluster.http.post(f"/api/v1/{route}", json=body), 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == [f"/select/{field}"]


@pytest.mark.parametrize("route", ["cancellations", "runs"])
async def test_a_bulk_request_for_a_malformed_position_is_refused(cluster: Cluster, route: str) -> None:
    answer = await cluster.http.post(f"/api/v1/{route}", json={"select": {}, "dry_run": True}, params={"at_least": "7"})
    check_problem(answer, 400, "invalid_position")


async def test_a_selection_that_no_task_can_match_selects_none(cluster: Cluster) -> None:
    for route, state in (("cancellations", "succeeded"), ("runs", "running")):
        done = await in_bulk(cluster, route, select={"state": [state]})
        assert (done["matched"], done["done"], done["remaining"]) == (0, 0, 0)


async def test_an_input_too_large_for_a_schedule_is_refused_by_its_path(cluster: Cluster) -> None:
    body = {"kind": "echo", "input": {"text": "x" * (256 << 10)}, "every": 3600}
    problem = check_problem(await cluster.http.post("/api/v1/schedules", json=body), 413, "too_large")
    assert [error["path"] for error in problem["errors"]] == ["/input"]
    assert "262,144" in problem["errors"][0]["message"]


async def test_a_finished_task_cannot_be_cancelled_and_its_state_is_told(cluster: Cluster) -> None:
    for kind, state in (("noop", "succeeded"), ("fail", "failed")):
        task = (await ask(cluster, kind, max_attempts=1)).json()["id"]
        await cluster.outcome(task)
        problem = check_problem(await cluster.http.put(f"/api/v1/tasks/{task}/cancellation"), 409, "task_finished")
        assert problem["state"] == state


@pytest.mark.parametrize("task", ["01a1f9b8-ba72-76cb-aaed-487558f3cb98", "nope", "no.pe", "%2a", "%00", "x" * 65])
async def test_a_task_that_does_not_exist_can_neither_be_cancelled_nor_run_again(cluster: Cluster, task: str) -> None:
    check_problem(await cluster.http.put(f"/api/v1/tasks/{task}/cancellation"), 404, "task_not_found")
    check_problem(await cluster.http.post(f"/api/v1/tasks/{task}/runs"), 404, "task_not_found")
