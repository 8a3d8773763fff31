"""The one place that knows which features are there: what is missing is left out of the load, and faults that need it are skipped."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
from msgspec import Struct

from headrace.task import task

OPTIONS = frozenset(inspect.signature(task).parameters)
"""What `@task` takes."""

API = "/api/v1"


class Features(Struct, frozen=True, kw_only=True):
    """What can be part of a load."""

    cancel: bool = False
    rerun: bool = False
    keys: bool = False
    delay: bool = False
    bulk: bool = False
    batches: bool = False
    batch_stream: bool = False
    batch_rerun: bool = False
    retry: bool = False
    process: bool = False

    @property
    def missing(self) -> list[str]:
        """The names of those that are not there."""
        return [name for name, there in msgspec.structs.asdict(self).items() if not there]


def read_features(openapi: dict[str, Any], *, defers: bool, knows_keys: bool) -> Features:
    """The features, from the API's document and from whether a task with a delay was deferred, and a key known again."""
    routes = {(method, path) for path, methods in openapi["paths"].items() for method in methods}
    return Features(
        cancel=("put", f"{API}/tasks/{{task}}/cancellation") in routes,
        rerun=("post", f"{API}/tasks/{{task}}/runs") in routes,
        keys=knows_keys,
        delay=defers,
        bulk={("post", f"{API}/runs"), ("post", f"{API}/cancellations")} <= routes,
        batches=("post", f"{API}/batches") in routes,
        batch_stream=("get", f"{API}/batches/{{batch}}/events") in routes,
        batch_rerun=("post", f"{API}/batches/{{batch}}/runs") in routes,
        retry="backoff" in OPTIONS,
        process="process" in OPTIONS,
    )
