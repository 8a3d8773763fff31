"""What the OpenAPI document forbids is refused, and what it permits is read."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from typing import Any

import httpx
import jsonschema_rs
import pytest
from litestar import Litestar, post
from litestar.exceptions import HTTPException
from litestar.exceptions.base_exceptions import LitestarDeprecationWarning
from msgspec import Struct

from headrace.api.app import create_app
from headrace.api.edge import problems
from headrace.api.edge.json_body import JsonRequest
from headrace.api.edge.openapi_document import BODIES
from headrace.api.edge.openapi_parameters import POSITION_PATTERN
from headrace.contracts.batches import BatchSubmission
from headrace.contracts.bulk import BatchRunsRequest, BulkRequest
from headrace.contracts.follow_links import FollowLinkRequest
from headrace.contracts.positions import Position
from headrace.contracts.schedules import NewSchedule
from headrace.contracts.tasks import ATTEMPTS_MAX, Submission
from headrace.errors import HeadraceError

with warnings.catch_warnings():
    warnings.simplefilter("ignore", LitestarDeprecationWarning)
    DOCUMENT: dict[str, Any] = create_app(None).openapi_schema.to_schema()

TASK: dict[str, Any] = {"kind": "echo", "input": {}}
GOOD: dict[type[Struct], dict[str, Any]] = {
    Submission: TASK,
    NewSchedule: {**TASK, "every": 60},
    BulkRequest: {"select": {"kind": ["echo"], "code": ["raised"]}},
    BatchRunsRequest: {"dry_run": True},
    FollowLinkRequest: {"expires_in": 60},
    BatchSubmission: {"kind": "echo", "inputs": [{}]},
}
CHANGES: list[dict[str, Any]] = [
    {},
    {"colour": "red"},
    {"kind": "No Kind"},
    {"kind": "echo\n"},
    {"input": [1]},
    {"input": None},
    {"select": {"codes": "raised"}},
    {"select": {"batch": "a\0"}},
    {"select": None},
    {"inputs": []},
    *({"expires_in": each} for each in (0, -1, 0.5, 1, 86_400, 86_401, "1", None, 1e9)),
    *({"delay": each} for each in (0, -0.1, 1, 31_622_400, 31_622_401, None, "1")),
    *({"max_attempts": each} for each in (0, 1, ATTEMPTS_MAX, ATTEMPTS_MAX + 1, 1.5, None, True)),
    *({"limit": each} for each in (0, 1, 1000, 1001)),
    *({"per_second": each} for each in (0, 0.1, 500, 500.5)),
    *({"every": each} for each in (0, 1, 366 * 86_400, 366 * 86_400 + 1, None)),
    *({"priority": each} for each in ("high", "urgent", None)),
    # A text is no number and no truth, and a number is no time.
    *({"dry_run": each} for each in (True, "true", 1)),
    *({"paused": each} for each in (True, "true", 0)),
    *({"run_at": each} for each in ("2026-01-31T09:00:00Z", 0, None)),
    *({"finished_before": each} for each in ("2026-01-31T09:00:00Z", 0, None)),
    *({"select": {"finished_before": each}} for each in ("2026-01-31T09:00:00Z", 0, None)),
    {"limit": "7"},
    {"every": "60"},
    *({"name": each} for each in ("n", "n" * 201, None, 7)),
]


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def schema_of(body: type[Struct]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{body.__name__}"}


def app_that_reads(body: type[Struct]) -> Litestar:
    """An application with one route, which reads a body as all routes do."""

    async def read(data: Any) -> None: ...

    read.__annotations__["data"] = body
    handlers: Any = {HeadraceError: problems.own_error, HTTPException: problems.http_error}
    return Litestar(
        [post("/")(read)],
        request_class=JsonRequest,
        exception_handlers=handlers,
        openapi_config=None,
        # It would set up logs for every test after this one.
        logging_config=None,
    )


@pytest.mark.filterwarnings("ignore::litestar.exceptions.base_exceptions.LitestarDeprecationWarning")
@pytest.mark.parametrize("body", GOOD, ids=lambda body: body.__name__)
async def test_the_document_permits_of_a_body_exactly_what_is_read(body: type[Struct]) -> None:
    says = validator(schema_of(body))
    transport: Any = httpx.ASGITransport(app=app_that_reads(body))  # pyright: ignore[reportArgumentType]
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        for change in CHANGES:
            value = GOOD[body] | change
            answer = await http.post("/", json=value)
            assert answer.status_code == (201 if says.is_valid(value) else 400), (value, answer.text)


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, of) for path, every in DOCUMENT["paths"].items() for method, of in every.items()]


def answers_of(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers of an operation by status, also those that it shares with others."""
    shared = DOCUMENT["components"]["responses"]
    return {
        status: shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for status, answer in operation["responses"].items()
    }


def test_every_body_of_a_route_refuses_what_it_does_not_know() -> None:
    for path, method, operation in operations():
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            schema = content["application/json"]["schema"]
            schema = (
                DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            )
            assert schema["additionalProperties"] is False, (method, path)
    assert {body.__name__ for body in BODIES} <= DOCUMENT["components"]["schemas"].keys()


def test_every_operation_has_a_tag_and_problems_for_its_refusals() -> None:
    for path, method, operation in operations():
        assert len(operation["tags"]) == 1, (method, path)
        for status, answer in answers_of(operation).items():
            assert status != "204" or "content" not in answer, (method, path)
            # A process that is not ready answers 503 with its checks.
            if status >= "400" and not path.startswith("/health/"):
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
            if status in ("429", "503"):
                assert "Retry-After" in answer["headers"]
            # Whoever follows a link does not authenticate in another way.
            if status == "401":
                assert ("WWW-Authenticate" in answer.get("headers", {})) is ("/follow/" not in path), (method, path)


def test_streams_that_end_say_so_and_what_is_made_has_an_address() -> None:
    by_id = {operation["operationId"]: answers_of(operation) for _, _, operation in operations()}
    assert "204" in by_id["follow_task"]
    assert "204" in by_id["follow_batch_by_link"]
    assert "204" not in by_id["follow_all"]
    assert by_id["submit_task"]["200"]["content"] == by_id["submit_task"]["202"]["content"]
    assert "Location" in by_id["submit_batch"]["202"]["headers"]
    assert "Location" in by_id["create_schedule"]["201"]["headers"]
    assert "Location" in by_id["create_api_key"]["201"]["headers"]
    assert "ETag" in by_id["get_settings"]["200"]["headers"]


def test_refusals_are_documented_where_a_route_makes_them() -> None:
    by_id = {operation["operationId"]: answers_of(operation) for _, _, operation in operations()}
    # A follow link is asked for with the submission.
    assert "501" in by_id["submit_task"]
    assert "501" in by_id["submit_batch"]
    # A process that cannot serve says so with its checks.
    assert list(by_id["health_ready"]["503"]["content"]) == ["application/json"]
    assert "link" not in by_id["sign_out"]["401"]["description"] + by_id["sign_out"]["403"]["description"]


def test_what_several_operations_answer_is_in_one_place() -> None:
    counts = Counter(
        json.dumps(answer) for _, _, of in operations() for status, answer in of["responses"].items() if status >= "400"
    )
    assert [answer for answer, count in counts.items() if count > 10 and "$ref" not in answer] == []


@pytest.mark.parametrize("text", ["1-1", "0-0", "1", "1-", "-1", "٣-٣", "1-1\n", "1" * 20 + "-1", ""])
def test_the_pattern_of_positions_permits_no_more_than_is_read(text: str) -> None:
    try:
        Position.parse(text)
    except ValueError:
        # Python's $ also matches before a line break, that of ECMA-262 does not.
        assert not re.search(POSITION_PATTERN.replace("$", r"\Z"), text)
    else:
        assert re.search(POSITION_PATTERN, text)
