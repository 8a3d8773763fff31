from __future__ import annotations

import pytest

from headrace.api.edge.request import is_id, read_instant, task_id
from headrace.errors import MalformedRequest, TaskNotFound


@pytest.mark.parametrize("text", ["a", "0190-ab_C", "x" * 64])
def test_letters_digits_dashes_and_underscores_make_an_id(text: str) -> None:
    assert is_id(text)
    assert task_id(text) == text


@pytest.mark.parametrize("text", ["", "x" * 65, "a.b", "*", ">", "a b", "a\n", "ä"])
def test_a_text_that_would_change_a_subject_is_not_an_id(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(TaskNotFound):
        task_id(text)


@pytest.mark.parametrize("text", ["0", "0.5", "1e9", "2026-01-31T09:00:00", "2026-01-31", "yesterday", ""])
def test_a_time_of_a_query_is_one_with_a_time_zone_and_no_number(text: str) -> None:
    with pytest.raises(MalformedRequest, match="since: this is not a time with a time zone") as refused:
        read_instant("since", text)
    assert [each.path for each in refused.value.errors] == ["query since"]
    assert read_instant("since", None) is None
    assert read_instant("since", "0001-01-01T00:00:00+23:59") is not None
