"""The results of one batch, to be saved."""

from __future__ import annotations

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.batch_results import results_name, stream_results
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtLeast
from headrace.api.files.download import FileResponse
from headrace.api.state import state_of
from headrace.api.v1.batches import find_batch
from headrace.contracts.batch_results import RESULTS_MEDIA_TYPE, BatchResult
from headrace.file_names import content_disposition

RESULTS = {
    200: ResponseSpec(
        BatchResult,
        generate_examples=False,
        description="One line for each task, in the order of the inputs.",
        media_type=RESULTS_MEDIA_TYPE,
    )
}


@get(
    "/batches/{batch:str}/results",
    operation_id="get_batch_results",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="The results of a batch",
    responses=RESULTS | refusals(400, 404),
)
async def get_batch_results(request: AnyRequest, batch: str, at_least: AtLeast = None) -> Response[bytes]:
    """NDJSON, which is sent while it is read. Of a batch that is not settled, the lines say how far each task is. Tasks that were deleted
    have no line. An answer that breaks off is not whole: its connection is closed.
    """
    api = state_of(request)
    await reach(api, at_least)
    found = await find_batch(api, caller(request), batch)
    return FileResponse(
        stream_results(api.read_model, found),
        status_code=200,
        media_type=RESULTS_MEDIA_TYPE,
        headers={
            "Content-Disposition": content_disposition(results_name(found), is_shown=False),
            "Cache-Control": "no-store",
        },
    )
