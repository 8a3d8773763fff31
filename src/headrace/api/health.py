"""The health routes of the API, for supervisors and load balancers."""

from __future__ import annotations

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from headrace.api.auth.access import PUBLIC, access
from headrace.api.edge.request import AnyRequest
from headrace.api.mounts import Mount
from headrace.api.state import ApiState, state_of
from headrace.health import RETRY_SECONDS, HealthReport, Readiness, summarize
from headrace.log import clock


@get(
    "/health/live",
    operation_id="health_live",
    opt=access(PUBLIC),
    summary="Whether the process works",
    sync_to_thread=False,
)
def live() -> HealthReport:
    """The process answers as long as its event loop runs. It checks nothing else."""
    return summarize({})


@get(
    "/health/ready",
    operation_id="health_ready",
    opt=access(PUBLIC),
    summary="Whether the process can serve, by dependency",
    responses={
        503: ResponseSpec(HealthReport, generate_examples=False, description="It cannot serve; the checks say why.")
    },
)
async def ready(request: AnyRequest) -> Response[HealthReport]:
    """The answer is 503 while nothing can be accepted: the log is away, was not compared with the read model since its servers
    started, is full or takes nothing; and while the process drains. Without Postgres it is 200 with a failing check: tasks can
    still be submitted and followed. Of a process that serves administrators alone, it is 503 then.
    """
    found = await state_of(request).operations.readiness()
    if found.is_ready:
        return Response(found.health)
    return Response(found.health, status_code=503, headers={"Retry-After": str(RETRY_SECONDS)})


async def check_readiness(api: ApiState, mounts: frozenset[Mount]) -> Readiness:
    """Say how each thing is that the API depends on, and whether it can serve these mounts."""
    checks = {
        "log": await api.log.check() or api.capacity.problem or "ok",
        "read_model": await api.read_model.problem() or "ok",
        "permissions": api.log.not_permitted or "ok",
        "clock": clock.problem() or "ok",
        "kinds": api.catalog.problem or "ok",
    }
    if len(mounts) < len(Mount):
        checks["mounts"] = f"ok; {', '.join(sorted(mounts))}"
    # Nothing of what administrators do goes on without Postgres.
    needed = ("log", "read_model") if mounts == frozenset({Mount.ADMIN}) else ("log",)
    return Readiness(summarize(checks), all(checks[each] == "ok" for each in needed))
