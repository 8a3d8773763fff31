"""What the examples of screens have in common, and the four examples of a screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.screens.envelope import Stale

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
ADA = "01980f6e-0000-7000-8000-00000000ada0"
BEN = "01980f6e-0000-7000-8000-00000000be40"
TASK = "01980f70-0000-7000-8000-000000000001"
SCHEDULE = "01980f6f-0000-7000-8000-00000000c0de"
POSITION = "1795745875256-4711"
OF_IDENTITY: dict[str, Any] = {"at": AT, "position": None, "stale": []}
OF_READ_MODEL: dict[str, Any] = {"at": AT, "position": POSITION, "stale": []}
CURSOR = "MjAyNi0wMy0wMSAx"


def ago(**given: float) -> datetime:
    return AT - timedelta(**given)


def stale(part: str, since: datetime | None, code: str, message: str) -> dict[str, Any]:
    return {"stale": [Stale(part=part, since=since, error_code=code, message=message)]}


LATE = ("part_timeout", "there was no answer within 0.3 s; try again shortly")
NO_ACCOUNTS = (
    "identity_unavailable",
    "accounts and credentials are not available at the moment; try again shortly",
)
NO_LOG = ("log_unavailable", "NATS cannot be reached; try again shortly")
NO_LISTS = ("read_model_unavailable", "lists and details are not available at the moment; try again shortly")


def four(full: Struct, empty: Mapping[str, Any], part: str, failing: tuple[str, str], *gone: str) -> dict[str, Struct]:
    """Return the four examples of a screen.

    Args:
        full: The one with everything.
        empty: What differs where there is nothing.
        part: The part that fails.
        failing: The code and the message of why.
        gone: The fields that are null when that part was never read.
    """
    return {
        "full": full,
        "empty": replace(full, **empty),
        "one_part_stale": replace(full, **stale(part, ago(seconds=40), *failing)),
        "one_part_missing": replace(full, **stale(part, None, *failing), **dict.fromkeys(gone or (part,))),
    }
