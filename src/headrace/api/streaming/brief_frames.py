"""Brief frames: what a row of a list needs of each event, and no more, so that a page can follow thousands of tasks."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw

from headrace.api.streaming.frames import Frame, frame_of, open_record
from headrace.contracts.events import EventName
from headrace.log import subjects
from headrace.log.memberships import labels_of, schedule_of, title_of, title_with_fallback
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.printable import printable_lines

LEFT_OUT = frozenset({EventName.LOGGED, EventName.EMITTED})
"""The events that a brief stream does not send. Whoever looks at one task follows it in full."""

FIELDS_LEFT_OUT = frozenset({"input", "stored_input", "withdrawn", "erased", "result", "stored_result", "chunks"})
"""The fields of events that a brief frame does not have. Of an error it leaves out the traceback."""
FIELDS_LEFT_OUT_OF_ENDS = FIELDS_LEFT_OUT | {"worker", "queued_seconds", "run_seconds"}
"""Those of the end of a run, which is what most is sent of. `started` says the worker and the wait, and the time between the two is
how long the task ran. Nor is there its priority: that was said when it was accepted, and nobody draws a row from its end alone.
"""

FIRST_ATTEMPT: Final = 1  # a brief frame leaves it out
_ENCODED_FIRST_ATTEMPT = Raw(str(FIRST_ATTEMPT).encode())
_ACCEPTING = frozenset({EventName.QUEUED, EventName.DEFERRED})

_error_decoder = msgspec.json.Decoder(dict[str, Raw])
_text_decoder = msgspec.json.Decoder(str)


def encode_brief(record: Record, epoch: int) -> Frame | None:
    """Encode a record as a brief frame; None for a record that cannot be read, which is logged.

    Without the input, the result, the traceback of an error, and what was streamed; with what only the subject and the headers
    have: priority, title, schedule and labels. What has no value and the attempt 1 are left out.
    """
    if (opened := open_record(record)) is None:
        return None
    return frame_of(record, epoch, opened[0], _brief_data(record, *opened))


def encode_brief_with_owner(record: Record, epoch: int) -> Frame | None:
    """Encode a record as a brief frame that also names the owner of the task, for those who see the tasks of everybody."""
    if (opened := open_record(record)) is None:
        return None
    return frame_of(record, epoch, opened[0], _brief_data(record, *opened) | {"owner": opened[0].owner})


def fields_left_out(event: str) -> frozenset[str]:
    """Return the fields of an event that a brief frame does not have."""
    return FIELDS_LEFT_OUT_OF_ENDS if event == EventName.FINISHED else FIELDS_LEFT_OUT


def _brief_data(record: Record, subject: TaskSubject, fields: dict[str, Any]) -> dict[str, Any]:
    headers = record.headers
    given = fields.get("input")
    for left_out in fields_left_out(subject.event):
        fields.pop(left_out, None)
    if (error := fields.get("error")) is not None:
        fields["error"] = _without_traceback(error)
    elif (message := fields.get("message")) is not None:
        fields["message"] = _printable(message)
    if fields.get("attempt") == _ENCODED_FIRST_ATTEMPT:
        del fields["attempt"]
    title = title_of(headers)
    if title is None and subject.event in _ACCEPTING:
        # As the read model calls it; no later event of a task without a title in its headers can say it.
        title = title_with_fallback(headers, given, subject.task)
    data: dict[str, Any] = {"task": subject.task, "kind": subject.kind, "at": record.at, **fields}
    if (batch := headers.get(subjects.BATCH)) is not None:
        data["batch"] = batch
    if subject.event != EventName.FINISHED:
        data["priority"] = subject.priority
    if title is not None:
        data["title"] = title
    if (schedule := schedule_of(headers)) is not None:
        data["schedule"] = schedule
    if subjects.LABELS in headers and (labels := labels_of(headers)):
        data["labels"] = labels
    return data


def _without_traceback(error: Raw) -> Any:
    try:
        fields = _error_decoder.decode(error)
    except msgspec.DecodeError:
        # It is null, or a worker in another language has written something else.
        return None
    fields.pop("traceback", None)
    if (message := fields.get("message")) is not None:
        fields["message"] = _printable(message)
    return fields


def _printable(message: Raw) -> Any:
    """Return a text of a handler as rows of screens have it. Most have nothing that is written in another way."""
    encoded = bytes(message)
    if encoded.isascii() and b"\\" not in encoded:
        return message
    try:
        return printable_lines(_text_decoder.decode(encoded))
    except msgspec.DecodeError:
        return None
