"""Which tests try to break which invariant, read from their `invariant` markers."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
MARKER = "pytest.mark.invariant"


class MarkedTest(NamedTuple):
    """A test function, by its file relative to `tests/` and its name."""

    file: str
    name: str


@cache
def marked_tests() -> dict[int, list[MarkedTest]]:
    """The tests of each invariant, in the order of their files and of the functions in them."""
    found: dict[int, list[MarkedTest]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        # To parse a file takes some hundred times as long as to look into it.
        for function in functions_of_tests(path) if MARKER in path.read_text() else ():
            for invariant in _invariants(function):
                found[invariant].append(MarkedTest(path.relative_to(TESTS).as_posix(), function.name))
    return dict(found)


def functions_of_tests(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The test functions of a file."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            yield node


def _invariants(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[int]:
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=named, args=[ast.Constant(value=int(invariant))]) if ast.unparse(named) == MARKER:
                yield invariant
            case _:
                pass


def as_markdown() -> str:
    """`docs/invariants.md`: the tests of each invariant, grouped by file."""
    lines = [
        "# Tests of the invariants",
        "",
        "[architecture.md](architecture.md#invariants) says what each invariant is. Made from the tests' `invariant` markers by",
        "`just openapi`.",
        "",
    ]
    for invariant, tests in sorted(marked_tests().items()):
        lines += [f"## Invariant {invariant}", ""]
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in tests:
            by_file[test.file].append(f"`{test.name}`")
        lines += [f"- [`tests/{file}`](../tests/{file}): {', '.join(names)}" for file, names in by_file.items()]
        lines.append("")
    return "\n".join(lines)
