"""Checking that a refusal has the one shape that all of them have."""

from __future__ import annotations

from typing import Any

import httpx


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that a request was answered with, which must have this status and this code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["error_code"] == code
    assert problem["message"] == problem["detail"]
    assert len(problem["message"]) > 10
    assert problem["correlation_id"] == answer.headers["X-Correlation-Id"]
    return problem
