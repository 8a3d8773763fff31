"""A collector for tests: it takes spans over OTLP and reports of errors over Sentry's protocol, both by HTTP."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


class Span:
    """A span as it came."""

    def __init__(self, service: str, span: Any) -> None:
        self.service = service
        self.name: str = span.name
        self.kind = KINDS[span.kind]
        self.trace = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.state = span.trace_state
        self.links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
        self.attributes = {each.key: value_of(each.value) for each in span.attributes}
        self.failed = span.status.code == 2
        self.said = span.status.message
        self.events = [event.name for event in span.events]

    @property
    def place(self) -> tuple[str, str]:
        """What a link to it says."""
        return self.trace, self.id

    def __repr__(self) -> str:
        return f"{self.service} {self.kind} {self.name} {self.attributes} links={len(self.links)}"


def value_of(value: AnyValue) -> Any:
    return getattr(value, str(value.WhichOneof("value")))


class Collector:
    """What has come so far."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.dsn = f"http://0123456789abcdef@127.0.0.1:{port}/7"
        self.status = 200
        self.bodies: list[bytes] = []
        self.reports: list[dict[str, Any]] = []
        self._received: list[Span] = []

    def spans(self, name: str | None = None, task: str | None = None) -> list[Span]:
        """The spans with a name, or of a task."""
        return [
            each
            for each in tuple(self._received)
            if (name is None or each.name == name) and (task is None or each.attributes.get("headrace.task.id") == task)
        ]

    def take(self, path: str, body: bytes) -> None:
        self.bodies.append(body)
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = {each.key: value_of(each.value) for each in resource.resource.attributes}["service.name"]
                self._received += [Span(service, span) for scope in resource.scope_spans for span in scope.spans]
        elif path == "/api/7/envelope/":
            # An envelope is lines of JSON: its header, then for each item a header and a body.
            lines = [json.loads(line) for line in body.splitlines() if line]
            self.reports += [
                item for header, item in zip(lines[1::2], lines[2::2], strict=False) if header["type"] == "event"
            ]


@contextmanager
def collector() -> Generator[Collector]:
    """A collector on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if made.status == 200:
                made.take(self.path, body)
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
