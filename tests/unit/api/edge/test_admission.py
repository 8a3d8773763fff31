from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from headrace.api.edge.admission import Rules, admit, public_origins
from headrace.api.edge.hosts import Hosts
from headrace.settings import ApiSettings
from tests.unit.api.edge.asgi import answer, answering

SETTINGS = ApiSettings(
    bind="api.internal:8080", public_url="https://public.example/headrace", hosts="named.example,*.below.example"
)
HERE = ("Host", "127.0.0.1:8080")
JSON = ("Content-Type", "application/json")


async def outcome(
    method: str,
    *headers: tuple[str, str],
    path: str = "/tasks",
    raw_path: str | None = None,
    settings: ApiSettings = SETTINGS,
) -> tuple[int, Any]:
    """The status with which a request is answered, and the code of its problem."""
    app = admit(answering(200), Rules(Hosts.of(settings), public_origins(settings), "/batches"))
    start, body = await answer(app, method, path, headers, raw_path=raw_path)
    return start["status"], msgspec.json.decode(body["body"])["error_code"] if body["body"] else None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080",
        "10.1.2.3",
        "[::1]:8080",
        "localhost",
        "LOCALHOST:1",
        "app.localhost",
        "headrace-api",
        "x",
        "api.internal",
        "public.example",
        "named.example:443",
        "a.below.example",
        "named.example.",
    ],
)
async def test_a_host_that_the_api_is_known_under_is_answered(host: str) -> None:
    assert await outcome("GET", ("Host", host)) == (200, None)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "below.example",
        "1.2.3.4.5",
        "xlocalhost.example",
    ],
)
async def test_a_host_of_somebody_else_is_not_answered(host: str) -> None:
    assert await outcome("GET", ("Host", host)) == (421, "unknown_host")


async def test_every_host_is_answered_when_the_setting_says_so() -> None:
    assert await outcome("GET", ("Host", "any.example"), settings=ApiSettings(hosts="*")) == (200, None)


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@localhost", "[::1", "x:port", "é"])
async def test_what_is_no_host_is_malformed(host: str) -> None:
    assert await outcome("GET", ("Host", host)) == (400, "malformed_request")


async def test_a_request_without_a_host_is_malformed() -> None:
    assert await outcome("GET") == (400, "malformed_request")


@pytest.mark.parametrize(
    "name", ["Host", "Idempotency-Key", "Content-Type", "Last-Event-ID", "Origin", "Sec-Fetch-Site"]
)
async def test_a_header_that_may_be_there_once_is_refused_twice(name: str) -> None:
    assert await outcome("GET", HERE, (name, "x"), (name, "x")) == (400, "malformed_request")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "headers",
    [
        (("Sec-Fetch-Site", "cross-site"),),
        (("Sec-Fetch-Site", "same-site"),),
        (("Origin", "https://evil.example"),),
        (("Origin", "null"),),
        (("Origin", "http://127.0.0.1:9999"),),
        (("Sec-Fetch-Site", "same-origin"), ("Origin", "https://evil.example")),
        (("Sec-Fetch-Site", "none"), ("Origin", "null")),
        (("Sec-Fetch-Site", "cross-site"), ("Origin", "http://127.0.0.1:8080")),
    ],
)
async def test_a_page_of_another_site_changes_nothing_whichever_header_says_so(
    method: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert await outcome(method, HERE, *headers) == (403, "cross_site")


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Sec-Fetch-Site", "same-origin"), ("Origin", "http://127.0.0.1:8080")),
        (("Sec-Fetch-Site", "same-origin"), ("Origin", "https://public.example")),
        (("Sec-Fetch-Site", "none"),),
        (("Origin", "http://127.0.0.1:8080"),),
        (("Origin", "https://public.example"),),
    ],
)
async def test_programs_and_pages_of_the_api_itself_may_change_things(headers: tuple[tuple[str, str], ...]) -> None:
    assert await outcome("POST", HERE, *headers) == (200, None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_what_changes_nothing_is_answered_to_any_page(method: str) -> None:
    assert (await outcome(method, HERE, ("Sec-Fetch-Site", "cross-site")))[0] == 200


@pytest.mark.parametrize(
    "given",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonp",
        "text/plain; application/json",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/x-ndjson",
        "",
        None,
    ],
)
@pytest.mark.parametrize("framing", [("Content-Length", "2"), ("Transfer-Encoding", "chunked")])
async def test_a_body_that_is_not_json_is_refused(given: str | None, framing: tuple[str, str]) -> None:
    media_type = [] if given is None else [("Content-Type", given)]
    assert await outcome("POST", HERE, framing, *media_type) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "given",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json; charset="UTF-8"; v=1',
    ],
)
async def test_a_body_of_json_is_let_in(given: str) -> None:
    assert await outcome("POST", HERE, ("Content-Length", "2"), ("Content-Type", given)) == (200, None)


async def test_ndjson_is_let_in_where_batches_are_submitted() -> None:
    headers = (HERE, ("Content-Length", "2"), ("Content-Type", "application/x-ndjson; charset=utf-8"))
    assert await outcome("POST", *headers, path="/batches") == (200, None)


async def test_a_request_without_a_body_needs_no_media_type() -> None:
    assert await outcome("PUT", HERE, ("Content-Length", "0"), ("Content-Type", "text/plain")) == (200, None)


@pytest.mark.parametrize(
    ("encoding", "status"), [("gzip", 415), ("br, identity", 415), ("identity", 200), ("Identity", 200)]
)
async def test_a_body_that_is_compressed_is_refused(encoding: str, status: int) -> None:
    found, _ = await outcome("POST", HERE, JSON, ("Content-Length", "2"), ("Content-Encoding", encoding))
    assert found == status


async def test_the_public_url_may_name_the_port_that_browsers_leave_out() -> None:
    settings = ApiSettings(public_url="https://Public.example:443/headrace")
    assert (await outcome("POST", HERE, JSON, ("Origin", "https://public.example"), settings=settings))[0] == 200


async def test_a_page_of_an_origin_that_settings_name_may_change_things() -> None:
    app = admit(answering(200), Rules(Hosts.of(SETTINGS), frozenset({b"https://app.example"}), "/batches"))
    theirs = [HERE, ("Sec-Fetch-Site", "cross-site")]
    assert (await answer(app, "POST", headers=[*theirs, ("Origin", "https://app.example")]))[0]["status"] == 200
    assert (await answer(app, "POST", headers=[*theirs, ("Origin", "https://app.example.evil")]))[0]["status"] == 403


@pytest.mark.parametrize(
    ("path", "given", "expected"),
    [
        ("/token", "application/x-www-form-urlencoded", 200),
        ("/token", "application/x-www-form-urlencoded; charset=utf-8", 200),
        ("/token", "application/json", 415),
        ("/token", "multipart/form-data; boundary=x", 415),
        ("/tasks", "application/x-www-form-urlencoded", 415),
        ("/token/", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_one_route_reads_a_form_and_only_that_one(path: str, given: str, expected: int) -> None:
    app = admit(answering(200), Rules(Hosts.of(SETTINGS), frozenset(), "/batches", form_path="/token"))
    start, _ = await answer(app, "POST", path, [HERE, ("Content-Type", given), ("Content-Length", "1")])
    assert start["status"] == expected


async def test_a_page_of_another_site_may_not_send_the_form_either() -> None:
    app = admit(answering(200), Rules(Hosts.of(SETTINGS), frozenset(), "/batches", form_path="/token"))
    form = ("Content-Type", "application/x-www-form-urlencoded")
    start, _ = await answer(app, "POST", "/token", [HERE, form, ("Sec-Fetch-Site", "cross-site")])
    assert start["status"] == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("//api/v1//users", 400),
        ("/api%2fv1%2Fusers", 400),
        ("/api/v1/%75sers", 400),
        ("/api/v1/%61dmin/settings", 400),
        ("/api/v1/users/lo%63al", 400),
        ("/api/v1/x%5c..", 400),
        ("/api/v1/%2e%2e", 400),
        ("/api/v1/users", 200),
        ("/api/v1/tasks/no%20id", 200),
        ("/api/v1/tasks/%C3%A9%25%2A", 200),
    ],
)
async def test_a_path_has_one_spelling_so_that_the_rules_of_a_proxy_hold(path: str, status: int) -> None:
    code = None if status == 200 else "malformed_request"
    assert await outcome("GET", HERE, path=unquote(path), raw_path=path) == (status, code)
