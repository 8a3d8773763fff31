"""Examples of the lists of tasks, batches and files: see `tests.bff.examples`."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.batches import BatchState, Counts
from headrace.contracts.files import FileState
from headrace.contracts.filters import Filter
from headrace.contracts.screens.batches import BatchesV1
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.files import FileEntry, FileStorage, FilesV1
from headrace.contracts.screens.tasks import Facets, Matched, TasksV1
from headrace.contracts.tasks import State
from tests.bff.example_values import ADA, AT, CURSOR, NO_LISTS, OF_READ_MODEL, TASK, ago, four
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


def files() -> dict[str, Struct]:
    photo = FileEntry(
        id="01980f70-0000-7000-8000-00000000f11e",
        name="Water wheel.jpg",
        media_type="image/jpeg",
        size=3_481_602,
        state=FileState.READY,
        reason=None,
        inline=True,
        task=None,
        created_at=ago(minutes=12),
        ready_at=ago(minutes=11),
        expires_at=None,
    )
    begun = replace(
        photo,
        id="01980f70-0000-7000-8000-00000000be94",
        name="measurements of the year, all stations.csv",
        media_type="text/csv",
        size=1_204_583_221,
        state=FileState.UPLOADING,
        inline=False,
        created_at=ago(minutes=2),
        ready_at=None,
        expires_at=AT + timedelta(hours=23),
    )
    refused = replace(
        begun,
        id="01980f70-0000-7000-8000-00000000bad0",
        name="scan.pdf",
        media_type="application/pdf",
        size=48_213,
        state=FileState.REFUSED,
        reason="the bytes are not application/pdf, as was declared; send the file with the type that it has",
    )
    report = replace(
        photo,
        id="01980f70-0000-7000-8000-000000004e9d",
        name="report.html",
        media_type="text/html",
        size=210_004,
        inline=False,
        task=Ref(id=TASK, name="cities"),
        created_at=ago(hours=3),
        ready_at=ago(hours=3),
    )
    storage = FileStorage(files=41, used_bytes=12_345_678_901, limit_bytes=50 * 10**9, file_bytes=5 * 10**9)
    full = FilesV1(**OF_READ_MODEL, items=[begun, refused, photo, report], next_cursor=CURSOR, storage=storage)
    unused = FileStorage(files=0, used_bytes=0, limit_bytes=50 * 10**9, file_bytes=5 * 10**9)
    nothing = {"items": [], "next_cursor": None, "storage": unused}
    return four(full, nothing, "items", NO_LISTS, "items", "next_cursor")
