from __future__ import annotations

import pytest

from headrace.log import subjects
from headrace.log.memberships import batch_of, labels_of, schedule_of, title_of, title_with_fallback


def test_the_headers_of_a_task_name_its_batch_and_its_schedule() -> None:
    headers = {subjects.BATCH: "b1", subjects.OF_SCHEDULE: "s1"}
    assert (batch_of(headers), schedule_of(headers)) == ("b1", "s1")
    assert (batch_of({}), schedule_of({})) == (None, None)


@pytest.mark.parametrize("given", ["", "a\0b", "a.b", "a b", "*", "x" * 65, "b1\n", "é"])
def test_what_can_be_no_id_names_nothing(given: str) -> None:
    headers = {subjects.BATCH: given, subjects.OF_SCHEDULE: given}
    assert (batch_of(headers), schedule_of(headers)) == (None, None)


def test_the_headers_of_a_task_have_its_title_and_its_labels() -> None:
    headers = {subjects.TITLE: "Essay 4711", subjects.LABELS: '{"customer":"42"}'}
    assert (title_of(headers), labels_of(headers)) == ("Essay 4711", {"customer": "42"})
    assert (title_of({}), labels_of({})) == (None, {})
    assert (title_of({subjects.TITLE: " \0"}), labels_of({subjects.LABELS: "{"})) == (None, {})


def test_without_a_title_a_task_is_called_by_its_input_and_without_a_text_in_that_by_its_id() -> None:
    task, given_input = "0198c1a2-77aa-7bcd-8000-aaaabbbbcccc", b'{"n": 1, "text": "the quick fox"}'
    assert title_with_fallback({subjects.TITLE: "Essay"}, given_input, task) == "Essay"
    assert title_with_fallback({}, given_input, task) == "the quick fox"
    assert title_with_fallback({}, b"{}", task) == title_with_fallback({}, None, task) == "aaaabbbbcccc"
