"""The health routes of the API, for supervisors and load balancers."""

from __future__ import annotations

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from headrace.api.auth.access import PUBLIC, access
from headrace.api.capacity import Capacity
from headrace.api.edge.request import AnyRequest
from headrace.api.mounts import Mount, served_mounts
from headrace.api.state import state_of
from headrace.errors import HeadraceError
from headrace.health import Health, summarize
from headrace.log import clock
from headrace.log.connection import Log


@get("/health/live", operation_id="live", opt=access(PUBLIC), summary="Whether the process works", sync_to_thread=False)
def live() -> Health:
    """The process answers as long as its event loop runs. It checks nothing else."""
    return summarize({})


@get(
    "/health/ready",
    operation_id="ready",
    opt=access(PUBLIC),
    summary="Whether the process can serve, by dependency",
    responses={503: ResponseSpec(Health, generate_examples=False, description="It cannot serve; the checks say why.")},
)
async def ready(request: AnyRequest) -> Response[Health]:
    """The answer is 503 while nothing can be accepted: the log is away, was not compared with the read model since its servers
    started, is full or takes nothing; and while the process drains. Without Postgres it is 200 with a failing check: tasks can
    still be submitted and followed. Of a process that serves administrators alone, it is 503 then.
    """
    api = state_of(request)
    checks = {
        "log": await _check_log(api.log, api.capacity),
        "read_model": await api.read_model.problem() or "ok",
        "clock": clock.problem() or "ok",
        "kinds": "ok" if api.catalog.entries() else "no worker has announced one",
    }
    if api.hub.draining:
        checks["process"] = "draining"
    mounts = served_mounts(request)
    if len(mounts) < len(Mount):
        checks["mounts"] = f"ok; {', '.join(sorted(mounts))}"
    unfit = checks["log"] != "ok" or api.hub.draining
    # Nothing of what administrators do goes on without Postgres.
    unfit = unfit or (mounts == frozenset({Mount.ADMIN}) and checks["read_model"] != "ok")
    return Response(summarize(checks), status_code=503 if unfit else 200)


async def _check_log(log: Log, capacity: Capacity) -> str:
    try:
        await log.refresh()
    except HeadraceError as error:
        return error.message
    return log.problem or capacity.problem or "ok"
