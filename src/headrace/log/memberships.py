"""To which batch and to which schedule a task belongs, as the headers of its events say. Anybody may have written them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from headrace.contracts.tasks import ID_PATTERN
from headrace.log import subjects

_is_id = re.compile(ID_PATTERN).fullmatch


def batch_of(headers: Mapping[str, str]) -> str | None:
    """Return the batch of a task; None when its headers name none, or what can be no batch."""
    return _id_in(headers, subjects.BATCH)


def schedule_of(headers: Mapping[str, str]) -> str | None:
    """Return the schedule that submitted a task; None when its headers name none, or what can be no schedule."""
    return _id_in(headers, subjects.OF_SCHEDULE)


def _id_in(headers: Mapping[str, str], name: str) -> str | None:
    given = headers.get(name)
    return given if given is not None and _is_id(given) else None
