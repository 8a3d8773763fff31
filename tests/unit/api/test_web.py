"""What an API answers for its web app, with an app of a few files."""

from __future__ import annotations

import fcntl
import gzip
import warnings
from pathlib import Path
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from headrace.api import web_files
from headrace.api.app import create_app
from headrace.api.edge.methods import answer_methods
from headrace.api.web import WebApp, serve_app
from tests.unit.api.edge.asgi import answer, correlated, headers_of

with warnings.catch_warnings(action="ignore"):
    ROUTES = create_app(None).routes
HTML = [("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]
SCRIPT = "export const text = 'a rather long text';\n" * 100


async def nothing_there(_scope: Scope, _receive: Receive, send: Send) -> None:
    """The API, which has no route for what is asked here."""
    await send(
        {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"application/problem+json")]}
    )
    await send({"type": "http.response.body", "body": b"{}", "more_body": False})


def build(directory: Path, name: str = "a1", page: str = "<!doctype html>first") -> Path:
    """Put an app where Vite would."""
    (directory / "assets").mkdir(parents=True, exist_ok=True)
    (directory / "index.html").write_text(page)
    (directory / "theme.js").write_text("document.documentElement.className = 'dark'")
    (directory / f"assets/main-{name}.js").write_text(SCRIPT + name)
    return directory


def take_away(directory: Path) -> None:
    directory.rename(directory.with_name("away"))


class Asked:
    """The answers of an API with an app."""

    def __init__(self, directory: Path) -> None:
        self._stack = correlated(answer_methods(serve_app(nothing_there, WebApp(directory), ROUTES), ROUTES))

    async def __call__(self, path: str, headers: Any = HTML, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        sent = await answer(self._stack, method, path, headers)
        return sent[0]["status"], headers_of(sent), b"".join(each.get("body", b"") for each in sent[1:])


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return build(tmp_path / "dist")


@pytest.mark.parametrize("path", ["/", "/tasks", "/tasks/0199-7/x", "/admin/overview", "/tasks.html", "/index.html"])
async def test_a_browser_that_opens_any_address_of_the_app_gets_its_page_and_asks_for_it_again_each_time(
    dist: Path, path: str
) -> None:
    status, headers, body = await Asked(dist)(path)
    assert (status, body) == (200, b"<!doctype html>first")
    assert headers["cache-control"] == "no-cache"
    assert headers["content-type"] == "text/html; charset=utf-8"
    again = await Asked(dist)(path, [*HTML, ("If-None-Match", headers["etag"])])
    assert (again[0], again[2]) == (304, b"")
    assert again[1]["etag"] == headers["etag"]


async def test_the_first_page_is_there_for_whatever_asks_and_other_addresses_only_for_browsers(dist: Path) -> None:
    asked = Asked(dist)
    assert (await asked("/", []))[0] == 200
    assert (await asked("/tasks", [("Accept", "*/*")]))[0] == 404
    assert (await asked("/tasks", [("Accept", "application/json")]))[0] == 404
    assert (await asked("/tasks", HTML, "POST"))[0] == 404


@pytest.mark.parametrize("path", ["/api/v1/task", "/api", "/bff/v1/x", "/enter/x/y", "/health/x", "/metrics"])
async def test_what_begins_as_a_route_of_the_api_is_never_the_app(dist: Path, path: str) -> None:
    status, headers, _ = await Asked(dist)(path)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_assets_may_be_kept_for_ever_and_one_that_is_not_there_is_never_the_page(dist: Path) -> None:
    asked = Asked(dist)
    status, headers, body = await asked("/assets/main-a1.js")
    assert (status, body.decode()) == (200, SCRIPT + "a1")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["content-type"] == "text/javascript; charset=utf-8"
    assert (await asked("/assets/main-b2.js"))[0] == 404
    assert (await asked("/theme.js"))[1]["cache-control"] == "no-cache"


async def test_answers_are_compressed_for_those_who_take_it(dist: Path) -> None:
    asked, path = Asked(dist), "/assets/main-a1.js"
    _, headers, body = await asked(path, [("Accept-Encoding", "gzip, deflate, br, zstd")])
    assert headers["content-encoding"] == "gzip"
    assert int(headers["content-length"]) == len(body) < len(SCRIPT) / 10
    assert gzip.decompress(body).decode() == SCRIPT + "a1"
    assert "accept-encoding" in headers["vary"]
    for accepted in ("", "identity", "gzip;q=0, deflate", "br"):
        assert "content-encoding" not in (await asked(path, [("Accept-Encoding", accepted)]))[1]


async def test_what_the_build_has_compressed_is_used_as_it_is(dist: Path) -> None:
    (dist / "assets/main-a1.js.br").write_bytes(b"smaller")
    (dist / "assets/main-a1.js.gz").write_bytes(b"small enough")
    asked, path = Asked(dist), "/assets/main-a1.js"
    for accepted, body in {"gzip, br": b"smaller", "gzip": b"small enough"}.items():
        assert (await asked(path, [("Accept-Encoding", accepted)]))[2] == body
    assert (await asked("/assets/main-a1.js.br", []))[0] == 404


async def test_head_answers_with_the_headers_alone(dist: Path) -> None:
    status, headers, body = await Asked(dist)("/assets/main-a1.js", [], "HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(SCRIPT) + 2), b"")


async def test_the_page_may_load_what_is_of_its_own_origin_and_run_nothing_inline(dist: Path) -> None:
    asked = Asked(dist)
    for path in ("/", "/assets/main-a1.js"):
        headers = (await asked(path))[1]
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; img-src 'self' data: blob:;")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    ["/../secret.txt", "/assets/../../secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets/link.txt", "//etc/passwd"],
)
async def test_nothing_outside_the_app_is_served(dist: Path, path: str) -> None:
    secret = dist.parent / "secret.txt"
    secret.write_text("s3cret")
    (dist / "assets/link.txt").symlink_to(secret)
    assert b"s3cret" not in (await Asked(dist)(path, []))[2]


async def test_only_files_of_the_kinds_that_an_app_has_are_served(dist: Path) -> None:
    (dist / "build.headrace").write_text("s3cret")
    (dist / ".vite").mkdir()
    (dist / ".vite/manifest.json").write_text("{}")
    (dist / "assets/main-a1.js.map").write_text("{}")
    asked = Asked(dist)
    assert (await asked("/build.headrace", []))[0] == 404
    assert (await asked("/assets/main-a1.js.map", []))[0] == 404
    assert (await asked("/.vite/manifest.json", []))[0] == 404


async def test_an_app_that_is_built_anew_is_served_at_once_and_the_assets_of_the_one_before_stay(dist: Path) -> None:
    asked = Asked(dist)
    first = (await asked("/"))[1]["etag"]
    (dist / "assets/main-a1.js").unlink()
    build(dist, "b2", "<!doctype html>second")
    _, headers, body = await asked("/")
    assert body == b"<!doctype html>second"
    assert headers["etag"] != first
    assert (await asked("/assets/main-b2.js"))[0] == 200
    assert (await asked("/assets/main-a1.js"))[0] == 200


async def test_a_page_of_the_build_before_finds_its_assets_also_after_a_restart(dist: Path) -> None:
    (dist / "previous/assets").mkdir(parents=True)
    (dist / "previous/assets/main-z0.js").write_text("before")
    (dist / "previous/assets/main-a1.js").write_text("another one of this name")
    (dist / "previous/index.html").write_text("before")
    asked = Asked(dist)
    assert (await asked("/assets/main-z0.js"))[2] == b"before"
    assert (await asked("/assets/main-a1.js"))[2].decode() == SCRIPT + "a1"
    assert (await asked("/previous/assets/main-z0.js", []))[0] == 404
    assert (await asked("/"))[2] == b"<!doctype html>first"


async def test_an_app_that_is_gone_for_a_moment_while_it_is_replaced_is_still_served(dist: Path) -> None:
    asked = Asked(dist)
    take_away(dist)
    assert (await asked("/"))[2] == b"<!doctype html>first"
    assert (await asked("/assets/main-a1.js"))[0] == 200


async def test_without_an_app_a_browser_is_told_what_to_do_and_then_sees_the_app_without_a_restart(
    tmp_path: Path,
) -> None:
    asked = Asked(tmp_path / "dist")
    status, headers, body = await asked("/")
    assert status == 404
    assert b"Node 20.19" in body
    assert b'href="/api/docs"' in body
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert (await asked("/", [("Accept", "*/*")]))[1]["content-type"] == "application/problem+json"
    build(tmp_path / "dist")
    assert (await asked("/"))[0] == 200


async def test_while_the_app_is_built_for_the_first_time_the_page_looks_for_it_by_itself(tmp_path: Path) -> None:
    with (tmp_path / "dist.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        status, headers, body = await Asked(tmp_path / "dist")("/tasks")
    assert (status, headers["refresh"], headers["retry-after"]) == (503, "2", "2")
    assert b"is being built" in body


async def test_a_directory_that_has_more_than_an_app_is_not_read_into_memory(
    dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_files, "APP_BYTES_MAX", 1000)
    assert (await Asked(dist)("/"))[0] == 404
