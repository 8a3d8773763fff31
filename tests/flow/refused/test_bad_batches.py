"""What a client gets that sends a batch, or asks for one, in a way that cannot be: nothing of it is accepted."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from headrace.contracts.batches import INPUTS_MAX
from tests.cluster import Cluster
from tests.flow.batch_steps import NDJSON, post
from tests.flow.problems import check_problem

GOOD: dict[str, Any] = {"kind": "echo", "inputs": [{"text": "hello"}]}


@pytest.mark.invariant(5)
@pytest.mark.parametrize(
    ("body", "status", "code", "paths"),
    [
        (b"", 400, "malformed_request", [""]),
        (b"{", 400, "malformed_request", [""]),
        (b"[" * 100_000, 400, "malformed_request", [""]),
        (b'{"kind": "echo", "inputs": [%s]}' % (b"[" * 100_000), 400, "malformed_request", [""]),
        (GOOD | {"colour": "red"}, 400, "malformed_request", [""]),
        (GOOD | {"kind": 7}, 400, "malformed_request", ["/kind"]),
        (GOOD | {"kind": "nope"}, 422, "unknown_kind", ["/kind"]),
        (GOOD | {"priority": "urgent"}, 400, "malformed_request", ["/priority"]),
        (GOOD | {"max_attempts": 0}, 400, "malformed_request", ["/max_attempts"]),
        (GOOD | {"name": "nul \x00"}, 400, "malformed_request", ["/name"]),
        (GOOD | {"name": "x" * 201}, 400, "malformed_request", ["/name"]),
        (GOOD | {"inputs": []}, 400, "malformed_request", ["/inputs"]),
        (GOOD | {"inputs": {}}, 400, "malformed_request", ["/inputs"]),
        (GOOD | {"inputs": [{"text": "a"}, 7]}, 422, "invalid_input", ["/inputs/1"]),
        (
            GOOD | {"inputs": [{"text": "a"}] * 17 + [{"text": 7}, {"text": "b"}, {"more": 1}]},
            422,
            "invalid_input",
            ["/inputs/17/text", "/inputs/19", "/inputs/19"],
        ),
        (GOOD | {"inputs": [{"text": 7}] * 1000}, 422, "invalid_input", [f"/inputs/{n}/text" for n in range(20)]),
        (
            b'{"kind": "echo", "inputs": [%s]}' % b",".join([b"{}"] * (INPUTS_MAX + 1)),
            422,
            "invalid_input",
            [f"/inputs/{n}" for n in range(20)],
        ),
        (
            b'{"kind": "noop", "inputs": [%s]}' % b",".join([b"{}"] * (INPUTS_MAX + 1)),
            413,
            "too_large",
            ["/inputs"],
        ),
        (GOOD | {"inputs": [{"text": "x" * (8 << 20)}]}, 413, "too_large", [""]),
    ],
)
async def test_a_batch_with_anything_wrong_is_refused_whole(
    shared: Cluster, body: Any, status: int, code: str, paths: list[str]
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"bad-{hash(content)}"}
    answer = await shared.http.post("/api/v1/batches", content=content, headers=headers)
    problem = check_problem(answer, status, code)
    assert [error["path"] for error in problem["errors"]] == paths
    corrected = await post(shared, "noop", [{}], key=headers["Idempotency-Key"])  # nothing stands under the key
    assert corrected.status_code == 202


@pytest.mark.invariant(5)
@pytest.mark.parametrize(
    ("query", "body", "status", "code", "path"),
    [
        ({}, b"{}\n", 400, "malformed_request", "query kind"),
        ({"kind": "nope"}, b"{}\n", 422, "unknown_kind", "/kind"),
        ({"kind": "noop", "priority": "urgent"}, b"{}\n", 400, "malformed_request", "query priority"),
        ({"kind": "noop", "max_attempts": 101}, b"{}\n", 400, "malformed_request", "query max_attempts"),
        ({"kind": "noop", "name": "two\nlines"}, b"{}\n", 400, "malformed_request", "query name"),
        ({"kind": "noop"}, b"", 422, "invalid_input", "/inputs"),
        ({"kind": "noop"}, b"\n\n", 422, "invalid_input", "/inputs"),
        ({"kind": "noop"}, b"{}\n{}\n{]\n{}\n", 422, "invalid_input", "/inputs/2"),
        ({"kind": "noop"}, b"{}\n[]", 422, "invalid_input", "/inputs/1"),
        ({"kind": "noop"}, b"{}\n\xff\n", 422, "invalid_input", "/inputs/1"),
        ({"kind": "noop"}, b'{}\n{"a": %s}\n' % (b"[" * 100_000), 422, "invalid_input", "/inputs/1"),
        ({"kind": "echo"}, b'{"text": "a"}\n{"text": 7}\n', 422, "invalid_input", "/inputs/1/text"),
        ({"kind": "noop"}, b"{}\n" * (INPUTS_MAX + 1), 413, "too_large", "/inputs"),
        ({"kind": "echo"}, b'{"text": "%s"}' % (b"x" * (8 << 20)), 413, "too_large", "/inputs/0"),
        ({"kind": "noop"}, b'{}\n\n{}\n{"a": "%s"}' % (b"x" * (8 << 20)), 413, "too_large", "/inputs/2"),
    ],
)
async def test_a_batch_of_bad_ndjson_is_refused_whole(
    shared: Cluster, query: dict[str, Any], body: bytes, status: int, code: str, path: str
) -> None:
    answer = await shared.http.post("/api/v1/batches", params=query, content=body, headers=NDJSON)
    problem = check_problem(answer, status, code)
    assert [error["path"] for error in problem["errors"]] == [path]


async def test_a_refused_batch_is_answered_although_much_of_its_body_was_not_read(shared: Cluster) -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b"nonsense\n" * 50
        for _ in range(64):
            yield b"{}\n" * 20_000

    answer = await shared.http.post("/api/v1/batches", params={"kind": "noop"}, content=body(), headers=NDJSON)
    check_problem(answer, 422, "invalid_input")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/batches/01a1f9b8-ba72-76cb-aaed-487558f3cb98", 404, "batch_not_found"),
        ("/api/v1/batches/no.pe", 404, "batch_not_found"),
        ("/api/v1/batches/%00", 404, "batch_not_found"),
        ("/api/v1/batches/nope/events", 404, "batch_not_found"),
        ("/api/v1/batches?cursor=nope", 400, "invalid_cursor"),
        ("/api/v1/batches?state=done", 400, "malformed_request"),
        ("/api/v1/batches?at_least=7", 400, "invalid_position"),
    ],
)
async def test_a_bad_request_for_batches_is_refused(shared: Cluster, path: str, status: int, code: str) -> None:
    check_problem(await shared.http.get(path), status, code)


async def test_a_batch_that_is_neither_json_nor_ndjson_is_refused(shared: Cluster) -> None:
    answer = await shared.http.post("/api/v1/batches", content=b"a,b\n", headers={"Content-Type": "text/csv"})
    check_problem(answer, 415, "unsupported_media_type")
    check_problem(await shared.http.put("/api/v1/batches/nope/cancellation"), 404, "batch_not_found")
