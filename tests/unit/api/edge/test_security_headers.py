from __future__ import annotations

import pytest

from headrace.api.edge.security_headers import SecurityHeaders
from headrace.settings import ApiSettings
from tests.unit.api.edge.asgi import answer, answering, correlated, headers_of


@pytest.mark.parametrize("status", [200, 404, 500])
async def test_every_answer_tells_browsers_to_do_nothing_with_it_but_to_read_it(status: int) -> None:
    headers = headers_of(await answer(correlated(answering(status)), path="/api/v1/tasks"))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["server"] == "headrace"


async def test_the_documentation_may_load_its_own_files_and_nothing_else() -> None:
    policy = headers_of(await answer(correlated(answering(200)), path="/api/docs"))["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/api/v1/tasks", "/api/docs"])
async def test_an_api_that_is_reached_by_https_tells_browsers_to_come_by_no_other_way(path: str) -> None:
    security = SecurityHeaders.of(ApiSettings(public_url="https://api.example"))
    headers = headers_of(await answer(correlated(answering(200), security), path=path))
    assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize(
    "url", [None, "http://api.example", "https://localhost:8443", "https://127.0.0.1", "https://[::1]:1"]
)
async def test_other_services_of_this_machine_and_those_without_https_are_not_shut_out(url: str | None) -> None:
    security = SecurityHeaders.of(ApiSettings(public_url=url))
    assert "strict-transport-security" not in headers_of(await answer(correlated(answering(200), security)))
