"""Examples of the screen on which a task is submitted: see `tests.bff.examples`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.batches import BATCH_BYTES_MAX, INPUTS_MAX
from headrace.contracts.screens.new_task import NewTaskKind, NewTaskV1, RecentTask, SelectedKind, SubmissionLimits
from headrace.contracts.tasks import DELAY_SECONDS_MAX
from tests.bff.example_values import NO_LISTS, OF_READ_MODEL, TASK, ago, four


def new_task() -> dict[str, Struct]:
    table = NewTaskKind(
        name="table_profile",
        title="Table profile",
        description="Types, missing values, ranges, quantiles and histograms of the columns of a CSV table.",
        has_workers=True,
        paused=False,
        enabled=True,
        waiting=3,
        typical_seconds=8.2,
        takes_files=False,
    )
    text = replace(
        table,
        name="text_feedback",
        title="Text feedback",
        description="",
        has_workers=False,
        paused=True,
        enabled=False,
        waiting=0,
        typical_seconds=None,
    )
    schema: dict[str, Any] = {
        "type": "object",
        "title": "Table",
        "properties": {
            "csv": {"type": "string", "maxLength": 5_000_000, "examples": ["a,b\n1,2\n"]},
            "name": {"type": "string", "x-title": True, "default": ""},
        },
        "required": ["csv"],
    }
    selected = SelectedKind(
        name="table_profile",
        input_schema=schema,
        timeout=60.0,
        max_attempts=3,
        concurrency=4,
        rate=None,
        example={"csv": "a,b\n1,2\n", "name": ""},
        prefill={"csv": "city,people\nUlm,128000\n", "name": "cities"},
        labels={"customer": "42"},
    )
    limits = SubmissionLimits(
        input_bytes=8_249_344,
        batch_inputs=INPUTS_MAX,
        batch_bytes=BATCH_BYTES_MAX,
        upload_bytes=0,
        delay_seconds=DELAY_SECONDS_MAX,
        submissions_left=559,
    )
    full = NewTaskV1(
        **OF_READ_MODEL,
        kinds=[table, text],
        selected=selected,
        recent=[RecentTask(id=TASK, kind="table_profile", title="cities", created_at=ago(minutes=5))],
        limits=limits,
    )
    found = four(full, {"kinds": [], "selected": None, "recent": []}, "recent", NO_LISTS, "recent", "position")
    unknown = [replace(each, waiting=None, typical_seconds=None) for each in (table, text)]
    without = replace(selected, prefill=None, labels={})
    return found | {"one_part_missing": replace(found["one_part_missing"], kinds=unknown, selected=without)}
