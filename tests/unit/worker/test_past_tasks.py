"""What a handler is told when other tasks cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.sdk.past_tasks import TaskMissing, TasksUnavailable
from headrace.worker.past_tasks import PastTasks


class Silent:
    """A log that does not answer."""

    async def last_of_each(self, *_: str) -> list[Any]:
        raise LogUnavailable("the log cannot be reached")

    @property
    def replayer(self) -> Silent:
        return self


@pytest.fixture
def past(tmp_path: Path) -> PastTasks:
    return PastTasks(cast("Log", Silent()), None, "anna", tmp_path / "attempt")


async def test_a_log_that_does_not_answer_asks_for_another_attempt(past: PastTasks):
    with pytest.raises(TasksUnavailable, match="the log is not available at the moment"):
        await past.read_task("t")
    with pytest.raises(TasksUnavailable):
        await past.read_batch("b")


@pytest.mark.parametrize("given", ["", "*", ">", "a.b", "a b", "x" * 65, "é"])
async def test_what_could_name_the_tasks_of_others_is_no_id(past: PastTasks, given: str):
    with pytest.raises(TaskMissing, match="is no id of a task"):
        await past.read_task(given)
    with pytest.raises(TaskMissing, match="is no id of a batch"):
        await past.read_batch(given)


async def test_an_id_is_a_text(past: PastTasks):
    with pytest.raises(TypeError, match="a task is read by its id, not by int"):
        await past.read_task(1)
