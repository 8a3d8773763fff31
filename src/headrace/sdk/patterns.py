"""Patterns of Python's own dialect in JSON Schemas. Part of the SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

from msgspec import inspect

from headrace.contracts.kinds import PYTHON_PATTERN

_PORTABLE = re.compile(
    r"""(?x: \A (?:
        [^\\()\[\]{}*+?|.^$]                                  # a character that stands for itself
      | [.^$|)] | \( (?: \?: | \?= | \?! | \?<= | \?<! )? (?!\?)
      | \\ (?: [dDwWsSbBtnrfv1-9] | x[0-9A-Fa-f]{2} | u[0-9A-Fa-f]{4} | [^A-Za-z0-9\s] )
      | \[ \^? (?!\]) (?: [^\\\[\]] | \\ (?: [dDwWsStnrfv] | x[0-9A-Fa-f]{2} | u[0-9A-Fa-f]{4} | [^A-Za-z0-9\s] ) )+ \]
      | (?<= [^(|*+?{}] ) (?: [*+?] | \{ [0-9]+ (?: , [0-9]* )? \} ) \?? (?! [*+?{] )
    )* \Z )"""
)


def is_portable(pattern: str) -> bool:
    """Whether ECMA-262 has all that a pattern is made of. What a digit or a letter is, and where a line ends, may differ."""
    return _PORTABLE.match(pattern) is not None


def mark_patterns(schema: dict[str, Any], of: Any) -> dict[str, Any]:
    """Return the schema of a type, with the patterns of the type under the keyword `PYTHON_PATTERN`.

    Args:
        schema: The schema that msgspec makes of the type.
        of: The type.
    """
    patterns = set(_patterns_in(inspect.type_info(of), set()))
    return cast("dict[str, Any]", _marked(schema, patterns)) if patterns else schema


def _marked(part: Any, patterns: set[str]) -> Any:
    if isinstance(part, list):
        return [_marked(each, patterns) for each in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    schema = {
        name: value if name in ("default", "enum", "examples") else _marked(value, patterns)
        for name, value in cast("dict[str, Any]", part).items()
    }
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and pattern in patterns:
        schema[PYTHON_PATTERN] = pattern
        if not is_portable(pattern):
            del schema["pattern"]
    return schema


def _patterns_in(of: Any, seen: set[int]) -> Iterator[str]:
    """Yield the patterns of a type and of all types in it."""
    if isinstance(of, inspect.StrType):
        if of.pattern is not None:
            yield of.pattern
    elif isinstance(of, tuple):
        for each in cast("tuple[Any, ...]", of):
            yield from _patterns_in(each, seen)
    elif isinstance(of, inspect.Type | inspect.Field) and id(of) not in seen:
        seen.add(id(of))
        for name in of.__struct_fields__:
            yield from _patterns_in(getattr(of, name), seen)
