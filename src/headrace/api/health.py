"""Health, for supervisors and load balancers."""

from __future__ import annotations

from litestar import Response, get

from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.errors import HeadraceError
from headrace.health import Health, summarize
from headrace.store.checkpoints import read_checkpoint


@get("/health/live", operation_id="live", summary="Whether the process works", sync_to_thread=False)
def live() -> Health:
    """Answers as long as the event loop does."""
    return summarize({})


@get("/health/ready", operation_id="ready", summary="Whether the process can serve, by dependency")
async def ready(request: AnyRequest) -> Response[Health]:
    """503 while the log is away, since nothing can be accepted then; without Postgres, submitting goes on."""
    api = state_of(request)
    checks = {
        "log": "ok",
        "read_model": "ok",
        "kinds": "ok" if api.catalog.entries() else "no worker has announced one",
    }
    try:
        await api.log.refresh()
    except HeadraceError as error:
        checks["log"] = error.message
    try:
        async with api.read_model.session() as session:
            if await read_checkpoint(session) is None:
                checks["read_model"] = "the projector has not run yet"
    except HeadraceError as error:
        checks["read_model"] = error.message
    if api.hub.draining:
        checks["process"] = "draining"
    unfit = checks["log"] != "ok" or api.hub.draining
    return Response(summarize(checks), status_code=503 if unfit else 200)
