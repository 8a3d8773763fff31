"""The table of values, for the chart's README and the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from tests.chart.values.fields import attribute_of, fields_of
from tests.chart.values.processes import PodOptions, Process
from tests.chart.values.root import Values

_SHARED = (PodOptions, Process)


def values_table() -> str:
    """Return the table, a line for each value."""
    return "\n".join(["| value | meaning | default |", "| --- | --- | --- |", *_rows(Values(), "", set())]) + "\n"


def _rows(value: Struct, path: str, described: set[type[Struct]]) -> Iterator[str]:
    shared: set[type[Struct]] = set()
    for each in fields_of(type(value), value, path):
        if each.home in _SHARED and each.home in described:
            continue
        shared |= {each.home} & set(_SHARED)
        if each.section is None:
            yield f"| `{each.path}` | {_escape(each.meaning)} | {_default(each.default)} |"
        else:
            yield from _rows(getattr(value, attribute_of(value, each)), f"{each.path}.", described)
    if shared:
        described |= shared
        yield from _pointers(path, shared)


def _pointers(path: str, shared: set[type[Struct]]) -> Iterator[str]:
    """What the other processes have of these."""
    names = ", ".join(f"`{each.name}`" for home in (Process, PodOptions) if home in shared for each in fields_of(home))
    others = "`projector`, `workerDefaults` and `migrations`"
    yield f"| `projector.…`, `workerDefaults.…`, `migrations.…` | as in `{path[:-1]}`, what they have in common: {names}; of {others} | |"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _default(value: Any) -> str:
    if value in ("", None, {}, []):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}`".replace("|", "\\|")
