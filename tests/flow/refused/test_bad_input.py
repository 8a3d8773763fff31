"""What a client gets that sends something wrong: a status, a code, a sentence that says what to do, the offending paths."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.flow.problems import check_problem

GOOD: dict[str, Any] = {"kind": "echo", "input": {"text": "hello"}}


DEEP = b'{"kind": "echo", "input": {"text": %s%s}}' % (b"[" * 100_000, b"]" * 100_000)


@pytest.mark.parametrize("body", [b"", b"{", DEEP, b"nonsense", b'{"kind": "echo", "input": {}', b"\xff\xfe"])
async def test_malformed_json_is_refused(cluster: Cluster, body: bytes) -> None:
    answer = await cluster.http.post("/api/v1/tasks", content=body, headers={"Content-Type": "application/json"})
    check_problem(answer, 400, "malformed_request")


async def test_a_name_that_is_there_twice_is_refused_and_in_tasks_the_last_one_counts_but_for_labels(
    cluster: Cluster,
) -> None:
    json = {"Content-Type": "application/json"}
    for path, body in (
        ("api-keys", b'{"name": "k", "scopes": ["tasks:read"], "scopes": ["admin"]}'),
        ("schedules", b'{"kind": "noop", "input": {"a": 1, "a": 2}, "every": 3600}'),
    ):
        refused = await cluster.http.post(f"/api/v1/{path}", content=body, headers=json)
        assert "more than once" in check_problem(refused, 400, "malformed_request")["message"]
    labels = b'"labels": {"customer": "1", "term": "1", "custom\\u0065r": "2"}}'
    for path, body in (
        ("tasks", b'{"kind": "noop", "input": {}, ' + labels),
        ("schedules", b'{"kind": "noop", "input": {}, "every": 3600, ' + labels),
        ("batches", b'{"kind": "noop", "inputs": [{}], ' + labels),
    ):
        refused = await cluster.http.post(f"/api/v1/{path}", content=body, headers=json)
        problem = check_problem(refused, 400, "malformed_request")
        assert [each["path"] for each in problem["errors"]] == ["/labels/customer"], problem
    twice = b'{"kind": "nope", "kind": "echo", "input": {"text": "first", "text": "last"}}'
    task = (await cluster.http.post("/api/v1/tasks", content=twice, headers=json)).json()
    found = await cluster.outcome(task["id"])
    assert (found["kind"], found["input"]) == ("echo", {"text": "last"})


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        (GOOD | {"colour": "red"}, "", "no field 'colour'"),
        ({"kind": "echo"}, "", "the field 'input' is missing"),
        (GOOD | {"input": [1]}, "/input", "has to be an object"),
        (GOOD | {"kind": "No Kind"}, "/kind", "not the name of a kind"),
        (GOOD | {"kind": 7}, "/kind", "has to be a string"),
        (GOOD | {"priority": "urgent"}, "/priority", "there are high, normal, low"),
        ([GOOD], "", "an object, not an array"),
    ],
)
async def test_a_body_that_is_no_submission_is_refused_with_the_path(
    cluster: Cluster, body: Any, path: str, words: str
) -> None:
    problem = check_problem(await cluster.http.post("/api/v1/tasks", json=body), 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == [path]
    assert words in problem["errors"][0]["message"]
    assert words in problem["message"]


async def test_an_unknown_kind_is_refused_and_the_known_ones_are_listed(cluster: Cluster) -> None:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "nope", "input": {}})
    problem = check_problem(answer, 422, "unknown_kind")
    assert "echo" in problem["message"]
    assert problem["errors"][0]["path"] == "/kind"


async def test_every_path_of_the_input_that_does_not_match_is_named(cluster: Cluster) -> None:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": 7, "more": 1}})
    problem = check_problem(answer, 422, "invalid_input")
    assert {error["path"] for error in problem["errors"]} == {"/input/text", "/input"}


async def test_a_body_over_the_limit_is_refused(cluster: Cluster) -> None:
    answer = await cluster.http.post("/api/v1/tasks", json=GOOD | {"input": {"text": "x" * (8 << 20)}})
    problem = check_problem(answer, 413, "too_large")
    assert "8 MB" in problem["message"]
    assert problem["errors"] == [{"path": "", "message": problem["message"]}]  # all of it


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/tasks/01a1f9b8-ba72-76cb-aaed-487558f3cb98", 404, "task_not_found"),
        ("/api/v1/tasks/nope/timeline", 404, "task_not_found"),
        ("/api/v1/tasks/nope/events", 404, "task_not_found"),
        ("/api/v1/tasks/no.pe/events", 404, "task_not_found"),
        ("/api/v1/tasks/%2a/events", 404, "task_not_found"),
        ("/api/v1/tasks/%00", 404, "task_not_found"),
        ("/api/v1/tasks?cursor=nope", 400, "invalid_cursor"),
        ("/api/v1/tasks?cursor=MjAyNi0wMS0wMSB4", 400, "invalid_cursor"),
        ("/api/v1/tasks?limit=0", 400, "malformed_request"),
        ("/api/v1/tasks?limit=201", 400, "malformed_request"),
        ("/api/v1/tasks?state=done", 400, "malformed_request"),
        ("/api/v1/tasks?at_least=7", 400, "invalid_position"),
        ("/api/v1/tasks?at_least=7-99999999999999999999", 400, "invalid_position"),
        ("/api/v1/events?after=now", 400, "invalid_position"),
        ("/api/v1/nothing", 404, "no_such_route"),
    ],
)
async def test_a_bad_request_for_tasks_or_events_is_refused(
    cluster: Cluster, path: str, status: int, code: str
) -> None:
    check_problem(await cluster.http.get(path), status, code)


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("of", ["tasks", "batches"])
@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ({"kind": "\0"}, "malformed_request", "query kind"),
        ({"kind": "echo\n"}, "malformed_request", "query kind"),
        ({"kind": "No Kind"}, "malformed_request", "query kind"),
        ({"kind": "x" * 64}, "malformed_request", "query kind"),
        ({"at_least": "\0"}, "invalid_position", "query at_least"),
        ({"cursor": "nope"}, "invalid_cursor", "query cursor"),
        ({"cursor": ""}, "invalid_cursor", "query cursor"),
        ({"at_least": ""}, "invalid_position", "query at_least"),
        ({"state": ""}, "malformed_request", "query state"),
        ({"states": "failed"}, "malformed_request", "query states"),
        ({"state": ["open", "failed"]}, "malformed_request", "query state"),
        ({"limit": ""}, "malformed_request", "query limit"),
        ({"limit": "1.5"}, "malformed_request", "query limit"),
        ({"limit": "nan"}, "malformed_request", "query limit"),
        ({"limit": "1" * 5000}, "malformed_request", "query limit"),
        ({"cursor": cursor("2026-01-01T00:00:00+00:00 a\0b")}, "invalid_cursor", "query cursor"),
        ({"cursor": cursor("2026-01-01T00:00:00 a")}, "invalid_cursor", "query cursor"),
        ({"cursor": cursor("0001-01-01T00:00:00+12:00 a")}, "invalid_cursor", "query cursor"),
        ({"cursor": cursor("9999-12-31T23:59:59-12:00 a")}, "invalid_cursor", "query cursor"),
    ],
)
async def test_a_list_filter_that_nothing_can_match_is_refused_by_its_name(
    cluster: Cluster, of: str, query: dict[str, Any], code: str, path: str
) -> None:
    problem = check_problem(await cluster.http.get(f"/api/v1/{of}", params=query), 400, code)
    assert [error["path"] for error in problem["errors"]] == [path]


@pytest.mark.parametrize("of", ["tasks", "batches"])
@pytest.mark.parametrize("wait", ["nan", "inf", "-1", "1e999", "", "60.1", "soon", "0x10"])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(cluster: Cluster, of: str, wait: str) -> None:
    problem = check_problem(await cluster.http.get(f"/api/v1/{of}/x", params={"wait": wait}), 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == ["query wait"]


@pytest.mark.parametrize("batch", ["\0", "a\0", "a.b", "a b", "", "ř", "x" * 65, "a\n"])
async def test_a_malformed_batch_id_is_refused_as_a_list_filter(cluster: Cluster, batch: str) -> None:
    problem = check_problem(await cluster.http.get("/api/v1/tasks", params={"batch": batch}), 400, "malformed_request")
    assert [error["path"] for error in problem["errors"]] == ["query batch"]


async def test_a_bad_last_event_id_is_refused(cluster: Cluster) -> None:
    answer = await cluster.http.get("/api/v1/events", headers={"Last-Event-ID": "yesterday"})
    check_problem(answer, 400, "invalid_position")
    answer = await cluster.http.get("/api/v1/events", headers={"Last-Event-ID": "1" * 50})
    assert [each["path"] for each in check_problem(answer, 400, "malformed_request")["errors"]] == [
        "header Last-Event-ID"
    ]


async def test_a_parameter_is_called_in_an_error_as_it_is_in_the_query(cluster: Cluster) -> None:
    for path, parameter in (("new", "from"), ("batches", "state"), ("tasks", "limit")):
        answer = await cluster.http.get(f"/bff/v1/member/{path}", params={parameter: "a.b"})
        assert [each["path"] for each in check_problem(answer, 400, "malformed_request")["errors"]] == [
            f"query {parameter}"
        ]


async def test_an_unsupported_method_is_refused(cluster: Cluster) -> None:
    check_problem(await cluster.http.patch("/api/v1/tasks", json={}), 405, "method_not_allowed")


@pytest.mark.parametrize("given", ["", "has space", "x" * 129, "ünïcode"])
async def test_an_unreasonable_correlation_id_is_replaced(cluster: Cluster, given: str) -> None:
    answer = await cluster.http.get("/health/live", headers={"X-Correlation-Id": given.encode()})
    assert answer.headers["X-Correlation-Id"].isalnum()
    assert answer.headers["X-Correlation-Id"] != given


async def test_input_that_postgres_could_not_hold_as_text_comes_back_as_it_was(cluster: Cluster) -> None:
    text = 'nul \x00, emoji \N{GRINNING FACE}, quote " and backslash \\'
    task = await cluster.submit("echo", text=text)
    found = await cluster.outcome(task["id"])
    assert found["input"] == {"text": text}
    assert found["result"]["text"] == text


async def test_a_position_that_the_log_has_not_handed_out_is_refused_at_once(cluster: Cluster) -> None:
    epoch = cluster.log.epoch
    for position in (f"{epoch}-999999999", f"{epoch + 1}-0", f"{2**63 - 1}-{2**63 - 1}"):
        for path in ("tasks", "batches", "schedules"):
            answer = await cluster.http.get(f"/api/v1/{path}", params={"at_least": position})
            problem = check_problem(answer, 400, "invalid_position")
            assert [error["path"] for error in problem["errors"]] == ["query at_least"]


@pytest.mark.parametrize("position", ["0-0", "1-999999999", "00000-00000"])
async def test_a_position_of_an_earlier_log_is_reached(cluster: Cluster, position: str) -> None:
    assert (await cluster.http.get("/api/v1/tasks", params={"at_least": position})).status_code == 200


@pytest.mark.parametrize("position", ["", "1", "-1-1", "1-", "1-9223372036854775808", "1-\0", "٣-٣", " 1-1", "1-1\n"])
async def test_what_is_no_position_is_refused(cluster: Cluster, position: str) -> None:
    answer = await cluster.http.get("/api/v1/tasks", params={"at_least": position})
    assert answer.status_code == 400
    assert [error["path"] for error in answer.json()["errors"]] == ["query at_least"]
