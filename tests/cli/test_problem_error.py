"""What an error of the client says when it is printed."""

from __future__ import annotations

from headrace.cli.terminal.api_errors import describe_problem
from headrace.client.answers import ERRORS_SHOWN, ProblemError
from headrace.contracts.problems import FieldError


def test_an_error_that_is_printed_says_what_is_wrong_with_each_path() -> None:
    wrong = [FieldError(path="/input/text", message="7 is no string"), FieldError(path="", message="send less")]
    assert str(ProblemError(422, "invalid_input", "no; see errors", wrong)) == (
        "no; see errors\n  /input/text: 7 is no string\n  send less"
    )
    assert str(ProblemError(400, "malformed_request", "cannot be used: /input/text: 7 is no string", wrong[:1])) == (
        "cannot be used: /input/text: 7 is no string"
    )
    assert str(ProblemError(422, "invalid_input", "no", wrong[:1] * 99)).endswith(f"and {99 - ERRORS_SHOWN} more")


def test_an_error_that_names_no_path_is_its_message() -> None:
    assert str(ProblemError(404, "task_not_found", "there is no task")) == "there is no task"


def test_the_command_line_says_what_is_wrong_once() -> None:
    wrong = [FieldError(path="/input/text", message="7 is no string"), FieldError(path="", message="send less")]
    assert describe_problem(ProblemError(422, "invalid_input", "no; see errors", wrong)) == (
        "invalid_input: no; see errors\n  /input/text: 7 is no string\n  /: send less"
    )
    assert describe_problem(ProblemError(422, "invalid_input", "/input/text: 7 is no string", wrong[:1])) == (
        "invalid_input: /input/text: 7 is no string"
    )
    assert describe_problem(ProblemError(413, "too_large", "send less", wrong[1:])) == "too_large: send less"
