"""The application: every route of the API on one screen."""

from __future__ import annotations

from importlib.metadata import version

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import ScalarRenderPlugin

from headrace.api.edge import problems
from headrace.api.edge.openapi import AnyJson
from headrace.api.health import live, ready
from headrace.api.state import ApiState
from headrace.api.v1.batch_events import follow_batch
from headrace.api.v1.batches import cancel_batch, get_batch, list_batches
from headrace.api.v1.cancellations import cancel, cancel_many
from headrace.api.v1.events import follow_all, follow_task
from headrace.api.v1.follow_links import follow_batch_by_link, follow_task_by_link, link_to_batch, link_to_task
from headrace.api.v1.kinds import list_kinds, pause, resume
from headrace.api.v1.runs import run_again, run_batch_again, run_many_again
from headrace.api.v1.schedules import (
    create_schedule,
    delete_schedule,
    get_schedule,
    list_schedules,
    replace_schedule,
    run_schedule,
)
from headrace.api.v1.submit import submit
from headrace.api.v1.submit_batch import submit_batch
from headrace.api.v1.tasks import get_task, get_timeline, list_tasks
from headrace.errors import HeadraceError

BODY_BYTES_MAX = 8 << 20  # bytes; what the embedded NATS takes in one message


def create_app(api: ApiState | None) -> Litestar:
    """Build the API of a process; without its state, the application only gives its OpenAPI document."""
    return Litestar(
        route_handlers=[
            Router(
                "/api/v1",
                route_handlers=[
                    submit,
                    list_tasks,
                    get_task,
                    get_timeline,
                    cancel,
                    cancel_many,
                    run_again,
                    run_many_again,
                    run_batch_again,
                    follow_task,
                    follow_all,
                    submit_batch,
                    list_batches,
                    get_batch,
                    cancel_batch,
                    follow_batch,
                    link_to_task,
                    link_to_batch,
                    follow_task_by_link,
                    follow_batch_by_link,
                    create_schedule,
                    list_schedules,
                    get_schedule,
                    replace_schedule,
                    delete_schedule,
                    run_schedule,
                    list_kinds,
                    pause,
                    resume,
                ],
            ),
            live,
            ready,
        ],
        state=State({"api": api}),
        exception_handlers={
            HeadraceError: problems.own_error,
            HTTPException: problems.http_error,
            RecursionError: problems.nested_too_deep,
            Exception: problems.unexpected_error,
        },
        plugins=[AnyJson()],
        logging_config=None,  # `headrace.telemetry` has set up all logs
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="Headrace",
            version=version("headrace"),
            description="Background work for web applications, run on NATS JetStream and followed live.",
            path="/api/docs",
            render_plugins=[ScalarRenderPlugin()],
        ),
    )
