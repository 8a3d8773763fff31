"""Limits on the shape of the code, checked: `python -m tests.structure [PATH…]` names every place that passes one.

A long function hides its steps, a deep one hides its branches, and a long module holds a noun that has no name yet. A comment
stands above the line that it explains, so that the line stays readable; only a constant keeps its reason behind it.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40  # docstring included: a function that tells a story fits a screen
NESTING_MAX = 3  # compound statements inside each other
PATHS = ("src", "consumers")

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
    *_FUNCTIONS,
)
_CONSTANT = re.compile(r"\s*_?[A-Z][A-Z0-9_]*(\s*:[^=]+)?\s*=")
_DIRECTIVE = re.compile(r"#\s*(noqa|pyright|type):")


def violations(path: Path) -> Iterator[str]:
    """Every place in a file that passes a limit, as `file:line: what`."""
    source = path.read_text()
    if (lines := source.count("\n")) > MODULE_LINES_MAX:
        yield f"{path}: {lines} lines, {MODULE_LINES_MAX} at most"
    yield from _of_functions(path, ast.parse(source))
    yield from _of_comments(path, source)


def _of_functions(path: Path, tree: ast.Module) -> Iterator[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    closures = {inner for outer in functions for inner in ast.walk(outer) if inner is not outer}
    for function in functions:
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{path}:{function.lineno}: {function.name} has {lines} lines, {FUNCTION_LINES_MAX} at most"
        if function not in closures and (depth := _nesting(function)) > NESTING_MAX:
            yield f"{path}:{function.lineno}: {function.name} is nested {depth} deep, {NESTING_MAX} at most"


def _nesting(node: ast.AST, depth: int = 0) -> int:
    """How many compound statements stand inside each other below a node; an `elif` is as deep as its `if`."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ExceptHandler, ast.match_case)) or _is_elif(node, child):
            deepest = max(deepest, _nesting(child, depth))
        elif isinstance(child, _BLOCKS):
            deepest = max(deepest, _nesting(child, depth + 1))
    return deepest


def _is_elif(node: ast.AST, child: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]


def _of_comments(path: Path, source: str) -> Iterator[str]:
    """Comments behind code, except behind constants."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or _DIRECTIVE.match(token.string):
            continue
        before = lines[token.start[0] - 1][: token.start[1]]
        if before.strip() and not _CONSTANT.match(before):
            yield f"{path}:{token.start[0]}: a comment behind code; write it above the line"


def main() -> None:
    """Print the violations of the given paths and exit with 1 when there are any."""
    files = [
        file
        for path in map(Path, sys.argv[1:] or PATHS)
        for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))
    ]
    found = [each for file in files for each in violations(file)]
    print("\n".join(found) or f"{len(files)} files, all within the limits")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
