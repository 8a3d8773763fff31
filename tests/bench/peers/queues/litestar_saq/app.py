"""The web application: a request becomes a job. Its worker is in `jobs`."""

from __future__ import annotations

from typing import Literal

from jobs import queue
from litestar import Litestar, get, post
from msgspec import Struct


class Text(Struct):
    """What a job is about."""

    text: str


class Submission(Struct):
    """What is posted."""

    kind: Literal["timed"]
    input: Text


class Accepted(Struct):
    """What is answered."""

    id: str


@post("/tasks", status_code=202)
async def submit(data: Submission) -> Accepted:
    """Enqueue a job."""
    job = await queue.enqueue(data.kind, text=data.input.text)
    assert job is not None
    return Accepted(job.key)


@get("/ready", sync_to_thread=False)
def ready() -> bool:
    """Answer as soon as it serves."""
    return True


app = Litestar([submit, ready], on_startup=[queue.connect], on_shutdown=[queue.disconnect], openapi_config=None)
