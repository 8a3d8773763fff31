from __future__ import annotations

import json

import msgspec
import pytest

from headrace.contracts.tasks import Priority, State, Submission


def read(**fields: object) -> Submission:
    return msgspec.json.decode(json.dumps(fields).encode(), type=Submission)


def test_a_submission_needs_a_kind_and_an_input() -> None:
    assert read(kind="echo", input={"text": "x"}) == Submission(kind="echo", input={"text": "x"})
    assert read(kind="echo", input={}).priority is Priority.NORMAL


def test_a_submission_with_a_field_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `priorty`"):
        read(kind="echo", input={}, priorty="high")


@pytest.mark.parametrize(
    "fields",
    [
        {"input": {}},
        {"kind": "echo"},
        {"kind": "Echo", "input": {}},
        {"kind": "1echo", "input": {}},
        {"kind": "echo.x", "input": {}},
        {"kind": "echo\n", "input": {}},
        {"kind": "x" * 64, "input": {}},
        {"kind": "", "input": {}},
        {"kind": "echo", "input": []},
        {"kind": "echo", "input": None},
        {"kind": "echo", "input": {}, "priority": "urgent"},
    ],
)
def test_a_submission_that_no_kind_could_take_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(**fields)


def test_three_states_are_final() -> None:
    assert {state for state in State if state.final} == {State.SUCCEEDED, State.FAILED, State.CANCELLED}
