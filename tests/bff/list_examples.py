"""Examples of the lists of tasks and batches: see `tests.bff.examples`."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.batches import BatchState, Counts
from headrace.contracts.filters import Filter
from headrace.contracts.screens.batches import BatchesV1
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.tasks import Facets, Matched, TasksV1
from headrace.contracts.tasks import State
from tests.bff.example_values import ADA, CURSOR, NO_LISTS, OF_READ_MODEL, ago, four
from tests.bff.overview_examples import OPEN_BATCH, RUNNING


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


def batches() -> dict[str, Struct]:
    settled = replace(
        OPEN_BATCH,
        id="01980f6f-0000-7000-8000-00000ba7c4ed",
        name=None,
        owner=Ref(id=ADA, name="ada@example.com"),
        counts=Counts(succeeded=498, failed=2),
        state=BatchState.SETTLED,
        settled_at=ago(minutes=2),
    )
    full = BatchesV1(**OF_READ_MODEL, items=[OPEN_BATCH, settled], next_cursor=CURSOR)
    return four(full, {"items": [], "next_cursor": None}, "items", NO_LISTS, "items", "next_cursor")
