"""What is kept free beside an input is enough for whatever its task may come to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import Raw

from headrace.contracts.events import Deferred, Finished, Outcome, Queued, Withdrawn, encode
from headrace.contracts.labels import LABEL_CHARS_MAX, LABELS_MAX, decode_labels, encode_labels
from headrace.contracts.tasks import ATTEMPTS_MAX, FailureCode, TaskError
from headrace.contracts.titles import TITLE_CHARS_MAX
from headrace.lifecycle.queueing import EVENT_BYTES
from headrace.log import subjects
from headrace.log.append import HEADERS_BYTES_MAX
from headrace.worker.outcomes import MESSAGE_CHARS_MAX, raised, to_error

INPUT = Raw(b"{}")
LATER = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
SEQUENCE = 2**63 - 1


@pytest.mark.invariant(1)
@pytest.mark.parametrize("character", ["x", '"', "\x00", "\x7f", "é", "\N{GRINNING FACE}", "\ud800"])
def test_the_longest_error_of_a_handler_fits_beside_the_input_that_is_tried_again(character: str) -> None:
    try:
        raise ValueError(character * 100_000)
    except ValueError as error:
        longest = to_error(raised(error, __file__))
    deferred = Deferred(
        attempt=ATTEMPTS_MAX,
        fence=SEQUENCE,
        input=INPUT,
        due_at=LATER,
        max_attempts=ATTEMPTS_MAX,
        expires_at=LATER,
        error=longest,
    )
    assert len(encode(deferred)) <= EVENT_BYTES


@pytest.mark.invariant(1)
def test_the_end_of_a_task_fits_beside_the_input_that_was_withdrawn() -> None:
    queued = Queued(
        attempt=ATTEMPTS_MAX,
        fence=SEQUENCE,
        input=INPUT,
        max_attempts=ATTEMPTS_MAX,
        expires_at=LATER,
        due_at=LATER,
    )
    finished = Finished(
        attempt=ATTEMPTS_MAX,
        outcome=Outcome.CANCELLED,
        error=TaskError(code=FailureCode.EXPIRED, message="\x00" * MESSAGE_CHARS_MAX),
        by="x" * 255,
        withdrawn=Withdrawn(sequence=SEQUENCE, at=LATER, queued=queued),
    )
    assert len(encode(finished)) <= EVENT_BYTES


@pytest.mark.invariant(1)
def test_the_longest_title_and_labels_leave_half_of_the_room_for_headers_to_the_others() -> None:
    labels = {f"{number:x<{LABEL_CHARS_MAX}}": "\N{GRINNING FACE}" * LABEL_CHARS_MAX for number in range(LABELS_MAX)}
    headers = {subjects.TITLE: "\N{GRINNING FACE}" * TITLE_CHARS_MAX, subjects.LABELS: encode_labels(labels)}
    assert decode_labels(headers[subjects.LABELS]) == labels
    assert sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items()) <= HEADERS_BYTES_MAX // 2
