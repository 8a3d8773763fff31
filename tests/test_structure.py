"""The checks of `tests.structure` find each kind of violation, and nothing in code that is within the limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.structure import FUNCTION_LINES_MAX, MODULE_LINES_MAX, NESTING_MAX, violations


def found_in(tmp_path: Path, source: str) -> list[str]:
    """The violations in a file with this source, each without the path of the file."""
    file = tmp_path / "module.py"
    file.write_text(source)
    return [each.removeprefix(str(file)) for each in violations(file)]


def nested(depth: int) -> str:
    """A function with so many compound statements inside each other."""
    blocks = "".join(f"{'    ' * level}if True:\n" for level in range(1, depth + 1))
    return f"def deep():\n{blocks}{'    ' * (depth + 1)}pass\n"


def test_a_module_that_is_too_long_is_found(tmp_path: Path) -> None:
    assert found_in(tmp_path, "pass\n" * MODULE_LINES_MAX) == []
    assert found_in(tmp_path, "pass\n" * (MODULE_LINES_MAX + 1)) == [": 301 lines, 300 at most"]


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_a_function_that_is_too_long_is_found(tmp_path: Path, keyword: str) -> None:
    longest = f"{keyword} story():\n" + "    pass\n" * (FUNCTION_LINES_MAX - 1)
    assert found_in(tmp_path, longest) == []
    assert found_in(tmp_path, longest + "    pass\n") == [":1: story has 41 lines, 40 at most"]


def test_a_function_that_is_nested_too_deep_is_found(tmp_path: Path) -> None:
    assert found_in(tmp_path, nested(NESTING_MAX)) == []
    assert found_in(tmp_path, nested(NESTING_MAX + 1)) == [":1: deep is nested 4 deep, 3 at most"]


def test_a_closure_counts_as_a_level_of_the_function_around_it(tmp_path: Path) -> None:
    inner = nested(NESTING_MAX).replace("\n", "\n    ").rstrip(" ")
    assert found_in(tmp_path, f"def outer():\n    {inner}") == [":1: outer is nested 4 deep, 3 at most"]


def test_branches_of_one_statement_are_equally_deep(tmp_path: Path) -> None:
    branches = "def flat():\n    if a:\n        pass\n" + "    elif b:\n        pass\n" * 5
    caught = "    try:\n        pass\n    except OSError:\n        pass\n"
    matched = "    match a:\n        case 1:\n            pass\n        case _:\n            pass\n"
    assert found_in(tmp_path, branches + caught + matched) == []


@pytest.mark.parametrize(
    "line",
    ["call()  # why", "value = 1  # why", "def step():  # why\n    pass", "call(  # why\n    1,\n)"],
)
def test_a_comment_behind_code_is_found(tmp_path: Path, line: str) -> None:
    assert found_in(tmp_path, f"{line}\n") == [":1: a comment behind code; write it above the line"]


@pytest.mark.parametrize(
    "line",
    [
        "# why\ncall()",
        "POLL_SECONDS = 0.5  # the reason",
        "_LIMIT: Final = 3  # the reason",
        "call()  # noqa: S603 - the reason",
        "call()  # pyright: ignore[reportArgumentType]",
        'text = "# no comment"',
    ],
)
def test_a_comment_above_code_and_the_reason_of_a_constant_are_no_violation(tmp_path: Path, line: str) -> None:
    assert found_in(tmp_path, f"{line}\n") == []
