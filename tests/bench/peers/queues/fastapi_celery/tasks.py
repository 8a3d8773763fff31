"""The worker: its handler does nothing but read the clock, in nanoseconds since 1970."""

from __future__ import annotations

import os
import time

from celery import Celery
from celery.signals import worker_ready

app = Celery("tasks", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])


@worker_ready.connect
def say_ready(**about: object) -> None:
    """Say that the worker is there."""
    print("ready", flush=True)


@app.task
def timed(text: str) -> dict[str, int]:
    """Do nothing, and say when."""
    started = time.time_ns()
    return {"started": started, "ended": time.time_ns()}
