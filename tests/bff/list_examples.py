"""Examples of the lists of tasks and batches: see `tests.bff.examples`."""

from __future__ import annotations

from msgspec import Struct

from headrace.contracts.batches import Counts
from headrace.contracts.filters import Filter
from headrace.contracts.screens.tasks import Facets, Matched, TasksV1
from headrace.contracts.tasks import State
from tests.bff.example_values import CURSOR, NO_LISTS, OF_READ_MODEL, four
from tests.bff.overview_examples import RUNNING


def tasks() -> dict[str, Struct]:
    full = TasksV1(
        **OF_READ_MODEL,
        filter=Filter(state=[State.RUNNING], kind=["table_profile"]),
        items=[RUNNING],
        next_cursor=CURSOR,
        matched=Matched(count=3, exact=True),
        facets=Facets(
            state=Counts(pending=2, queued=37, running=3, succeeded=1204, failed=12, cancelled=1),
            kind={"table_profile": 3, "text_feedback": 1},
        ),
    )
    nothing = {
        "items": [],
        "next_cursor": None,
        "matched": Matched(count=0, exact=True),
        "facets": Facets(state=Counts(), kind={}),
    }
    return four(full, nothing, "matched", NO_LISTS)
