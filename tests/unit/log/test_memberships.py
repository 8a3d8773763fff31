from __future__ import annotations

import pytest

from headrace.log import subjects
from headrace.log.memberships import batch_of, schedule_of


def test_the_headers_of_a_task_name_its_batch_and_its_schedule() -> None:
    headers = {subjects.BATCH: "b1", subjects.OF_SCHEDULE: "s1"}
    assert (batch_of(headers), schedule_of(headers)) == ("b1", "s1")
    assert (batch_of({}), schedule_of({})) == (None, None)


@pytest.mark.parametrize("given", ["", "a\0b", "a.b", "a b", "*", "x" * 65, "b1\n", "é"])
def test_what_can_be_no_id_names_nothing(given: str) -> None:
    headers = {subjects.BATCH: given, subjects.OF_SCHEDULE: given}
    assert (batch_of(headers), schedule_of(headers)) == (None, None)
