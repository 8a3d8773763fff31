from __future__ import annotations

from typing import Any

import msgspec
import pytest
from litestar.testing import RequestFactory

from headrace.api.edge.problems import own_error
from headrace.contracts.problems import Problem
from headrace.contracts.tasks import State
from headrace.errors import HeadraceError, TaskFinished, TaskNotFinished


def told(error: HeadraceError) -> dict[str, Any]:
    answer = own_error(RequestFactory().put("/api/v1/tasks/t1/cancellation"), error)
    assert answer.status_code == error.status
    return msgspec.json.decode(answer.content)


@pytest.mark.parametrize("state", [state for state in State if state.final])
def test_a_task_that_is_over_is_refused_with_its_state(state: State) -> None:
    problem = told(TaskFinished("the task is over", state))
    assert (problem["error_code"], problem["state"]) == ("task_finished", state)
    assert msgspec.convert(problem, Problem).state == state


@pytest.mark.parametrize("error", [TaskFinished("the task is over"), TaskNotFinished("the task is not over")])
def test_a_problem_without_a_state_has_no_such_member(error: HeadraceError) -> None:
    problem = told(error)
    assert "state" not in problem
    assert msgspec.convert(problem, Problem).state is msgspec.UNSET
