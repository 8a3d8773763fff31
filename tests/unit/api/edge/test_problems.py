from __future__ import annotations

from typing import Any

import msgspec
import pytest
from litestar.exceptions import ValidationException

from headrace import identity_errors, screen_errors, settings_errors
from headrace.api.edge.problems import http_error, own_error
from headrace.contracts.problems import Problem
from headrace.contracts.tasks import State, Submission
from headrace.errors import HeadraceError, LogUnavailable, TaskFinished, TaskNotFinished
from headrace.identity_errors import NotAuthenticated, TooManyRequests
from tests.unit.api.edge.asgi import requests


def told(error: HeadraceError) -> dict[str, Any]:
    answer = own_error(requests.put("/api/v1/tasks/t1/cancellation"), error)
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


@pytest.mark.parametrize("given", ["tomorrow", "2026-01-01T00:00:00", "2026-99-99T00:00:00Z"])
def test_what_is_no_time_is_called_so_in_words_that_help(given: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"kind": "echo", "input": {}, "run_at": given}, Submission)
    error = ValidationException(extra=[{"message": str(refused.value)}])
    problem = msgspec.json.decode(http_error(requests.post("/api/v1/tasks"), error).content)
    assert problem["errors"] == [
        {"path": "/run_at", "message": "this is not a time with a time zone (RFC 3339), such as 2026-01-31T09:00:00Z"}
    ]


def all_errors(of: type[HeadraceError] = HeadraceError) -> set[type[HeadraceError]]:
    """The errors that Headrace raises, of the modules that have been imported."""
    return {of}.union(*map(all_errors, of.__subclasses__()))


def test_every_error_that_passes_by_itself_says_when_to_try_again() -> None:
    found = all_errors()
    for module in (identity_errors, screen_errors, settings_errors):
        assert any(error.__module__ == module.__name__ for error in found)
    waiting = {error for error in found if error.status == 503}
    assert LogUnavailable in waiting
    assert [error.__name__ for error in waiting if not error.retry_after] == []
    for error in waiting:
        problem = error.__new__(error)
        HeadraceError.__init__(problem, "away")
        assert own_error(requests.get("/api/v1/tasks"), problem).headers["Retry-After"] == str(error.retry_after)


@pytest.mark.parametrize("error", [LogUnavailable("away"), TooManyRequests("too many", retry_after=20)], ids=str)
def test_who_accepts_nothing_but_a_stream_is_told_in_one_what_is_wrong_and_when_to_come_back(
    error: HeadraceError,
) -> None:
    def asked(accept: str) -> Any:
        return own_error(requests.get("/api/v1/events", headers={"Accept": accept}), error)

    told = asked("text/event-stream")
    assert (told.status_code, told.media_type) == (200, "text/event-stream")
    retry, event, data = told.content.decode().removesuffix("\n\n").split("\n")
    assert (
        1000 * (error.retry_after or 0) < int(retry.removeprefix("retry: ")) <= 1000 * (error.retry_after or 0) + 5000
    )
    assert event == "event: problem"
    assert msgspec.json.decode(data.removeprefix("data: "), type=Problem).error_code == error.code
    for accept in ("*/*", "text/event-stream, application/problem+json"):
        assert (asked(accept).status_code, "Retry-After" in asked(accept).headers) == (error.status, True)


def test_what_does_not_pass_by_itself_ends_a_stream_for_good() -> None:
    request = requests.get("/api/v1/events", headers={"Accept": "text/event-stream"})
    assert own_error(request, NotAuthenticated("expired")).status_code == 401
