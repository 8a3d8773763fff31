"""The web application: a request becomes a task of Celery. Its worker is in `tasks`."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI
from pydantic import BaseModel
from tasks import timed


class Text(BaseModel):
    """What a task is about."""

    text: str


class Submission(BaseModel):
    """What is posted."""

    kind: Literal["timed"]
    input: Text


class Accepted(BaseModel):
    """What is answered."""

    id: str


app = FastAPI()


@app.post("/tasks", status_code=202)
def submit(submission: Submission) -> Accepted:
    """Send a task. Celery has no asynchronous client, so this runs in a thread."""
    return Accepted(id=timed.delay(submission.input.text).id)


@app.get("/ready")
def ready() -> bool:
    """Answer as soon as it serves."""
    return True
