"""The API process with one route more: the yardstick, which takes a submission and does nothing with it."""

from __future__ import annotations

import os
import sys
from typing import Any

from litestar import Litestar, Request, Response, post
from msgspec import Struct

from headrace.api import app as application
from headrace.api import server
from headrace.api.app import create_app
from headrace.api.auth.access import SIGNED_IN, access
from headrace.api.mounts import Mount
from headrace.api.state import ApiState
from headrace.contracts.tasks import Submission
from headrace.process import run_process
from headrace.settings import Settings


class Nothing(Struct, frozen=True):
    """What the yardstick answers."""

    kind: str


@post("/bench/noop", opt=access(SIGNED_IN))
async def noop(request: Request[Any, Any, Any], data: Submission) -> Response[Nothing]:
    """What a POST costs before there is anything to do."""
    return Response(Nothing(data.kind))


def create_app_with_noop(api: ApiState | None, mounts: frozenset[Mount]) -> Litestar:
    """The same application, so that both routes go through the same layers."""
    app = create_app(api, mounts)
    app.register(noop)
    return app


if __name__ == "__main__":
    # The one thing that is not as in `headrace api`.
    application.create_app = create_app_with_noop
    sys.exit(run_process("api", Settings.read(os.environ), server.serve))
