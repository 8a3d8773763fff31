"""Clusters that keep files in a directory, and in an S3 API: moto's server, before which every signed URL is verified.

Of what speaks S3 on the package registries it is the one that needs no other program, and it has presigned URLs, multipart uploads and
lists in pages.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from tests.cluster import Cluster
from tests.conftest import ShareCluster, make_place
from tests.proxy import Proxy, proxy_to

KEY, SECRET, REGION, BUCKET = "an-access-key", "a-secret-key", "us-east-1", "files"

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class S3(NamedTuple):
    """An S3 API: its port, and the environment of processes that use it."""

    port: int
    environ: dict[str, str]


@pytest.fixture(scope="session")
def s3() -> Generator[S3]:
    """A server with a bucket. The port is any free one."""
    # Before moto is imported, which looks for them.
    before = dict(os.environ)
    os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "MOTO_IAM_LOAD_MANAGED_POLICIES": "false"}
    from threading import Thread

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    server = make_server(
        "127.0.0.1",
        0,
        verifying_signatures(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=Quiet,
    )
    Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    httpx.put(f"{endpoint}/{BUCKET}").raise_for_status()
    yield S3(
        server.server_port,
        {
            "HEADRACE_OBJECTS_URL": f"s3://{BUCKET}/installation",
            "HEADRACE_OBJECTS_ENDPOINT": endpoint,
            "HEADRACE_OBJECTS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        },
    )
    server.shutdown()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
async def with_files(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """Everything running, with a place for files."""
    objects, scratch = make_place(), make_place()
    url = f"file://{objects}"
    async with share_cluster(
        "api", "worker", "projector", HEADRACE_OBJECTS_URL=url, HEADRACE_WORKER_SCRATCH=str(scratch)
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
async def in_s3(share_cluster: ShareCluster, s3: S3) -> AsyncGenerator[Cluster]:
    """A cluster whose files are in S3."""
    async with share_cluster(
        "api", "worker", "projector", HEADRACE_CONSUMERS="tests.kinds.plain", **s3.environ
    ) as made:
        yield made


@pytest.fixture(scope="module")
async def in_s3_with_large(share_cluster: ShareCluster, s3: S3) -> AsyncGenerator[Cluster]:
    """A cluster whose files are in S3, with the kinds of large values."""
    async with share_cluster(
        "api", "worker", "projector", HEADRACE_CONSUMERS="tests.kinds.large_values", **s3.environ
    ) as made:
        yield made


class Faulty(NamedTuple):
    """A cluster that reaches S3 through a proxy, while browsers reach it without."""

    cluster: Cluster
    proxy: Proxy


@pytest.fixture(scope="module")
async def faulty(share_cluster: ShareCluster, s3: S3) -> AsyncGenerator[Faulty]:
    async with proxy_to(s3.port) as proxy:
        environ = s3.environ | {
            "HEADRACE_OBJECTS_ENDPOINT": f"http://127.0.0.1:{proxy.port}",
            "HEADRACE_OBJECTS_PUBLIC_ENDPOINT": s3.environ["HEADRACE_OBJECTS_ENDPOINT"],
        }
        async with share_cluster("api", "worker", "projector", **environ) as made:
            yield Faulty(made, proxy)


def verifying_signatures(app: WsgiApp) -> WsgiApp:
    """Refuse presigned URLs that were changed or have expired, as S3 does (Signature Version 4, query parameters)."""

    def verified(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "X-Amz-Signature" in environ["QUERY_STRING"] and not _is_good(environ):
            start_response("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code></Error>"]
        return app(environ, start_response)

    return verified


def _is_good(environ: dict[str, Any]) -> bool:
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    given = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    signature = given.pop("X-Amz-Signature")
    signed_at = datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if (datetime.now(UTC) - signed_at).total_seconds() > int(given["X-Amz-Expires"]):
        return False
    path = environ.get("RAW_URI", environ["PATH_INFO"])
    url = f"http://{environ['HTTP_HOST']}{urlsplit(path).path}?{urlencode(given)}"
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers={"host": environ["HTTP_HOST"]})
    request.context["timestamp"] = given["X-Amz-Date"]
    auth = S3SigV4QueryAuth(Credentials(KEY, SECRET), "s3", REGION, expires=int(given["X-Amz-Expires"]))
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(text, request) == signature
