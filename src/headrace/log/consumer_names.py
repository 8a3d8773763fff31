"""The one place that spells the names of durable consumers."""

from __future__ import annotations

from typing import Final

PROJECTOR: Final = "projector"
FIRINGS: Final = "firings"


def run_consumer(kind: str, priority: str | None) -> str:
    """The durable consumer that workers of a kind share for a priority; for all priorities when it is None."""
    return f"run-{kind}" if priority is None else f"run-{kind}-{priority}"


def kind_of_consumer(durable: str) -> str | None:
    """The kind whose workers share a durable consumer; None when the consumer is not one of the workers'."""
    prefix, _, rest = durable.partition("-")
    return rest.partition("-")[0] if prefix == "run" else None


def priority_of_consumer(durable: str) -> str | None:
    """The priority whose tasks a durable consumer hands out; None when it is for all, or not one of the workers'."""
    prefix, _, rest = durable.partition("-")
    return rest.partition("-")[2] or None if prefix == "run" else None


def is_limited(durable: str) -> bool:
    """Whether a durable consumer is that of a kind with a limit to its concurrency."""
    kind = kind_of_consumer(durable)
    return kind is not None and durable == run_consumer(kind, None)
