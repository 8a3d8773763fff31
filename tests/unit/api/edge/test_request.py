from __future__ import annotations

import pytest

from headrace.api.edge.request import is_id, task_id
from headrace.errors import TaskNotFound


@pytest.mark.parametrize("text", ["a", "0190-ab_C", "x" * 64])
def test_letters_digits_dashes_and_underscores_make_an_id(text: str) -> None:
    assert is_id(text)
    assert task_id(text) == text


@pytest.mark.parametrize("text", ["", "x" * 65, "a.b", "*", ">", "a b", "a\n", "ä"])
def test_a_text_that_would_change_a_subject_is_not_an_id(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(TaskNotFound):
        task_id(text)
